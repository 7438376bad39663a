//! Whether the provider billed what the ledger settled.
//!
//! Once an hour the bill of the hours that have closed is added to one sum, and what the ledger has
//! settled in them to another, each entry once. The sums may differ by what was settled around the
//! last hour's end, since nobody knows by whose clock it belongs to which side. What differs by more
//! is told, and both sums begin anew.

mod page;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bus::{Bus, Entry, Expect, Followed};
use domain::{Billed, Event, Failed, GenerationId, ProviderDiscrepancy, Usd};
use futures::StreamExt;
use ideogram::{BucketWidth, Client};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::Config;
use page::{Gap, Outcome, Page, Scan, hour_of};

const BUCKET: &str = "books";
/// How long the provider may take to write its bill.
const LAG: SignedDuration = SignedDuration::from_mins(15);
/// The most hours that the provider tells of at once.
const HOURS: SignedDuration = SignedDuration::from_hours(168);
/// What settles a call, or leaves it open.
const SETTLING: [&str; 3] = [
    "generation.rendered.*",
    "generation.failed.*",
    "generation.unknown.*",
];
/// How long the ledger may be silent while it is read.
const SILENCE: Duration = Duration::from_secs(30);
const FIRST: Duration = Duration::from_secs(600);
const EACH: Duration = Duration::from_secs(3_600);

/// Compares bill and ledger until `end`. Needs the organization's key; without it there is no bill.
pub(crate) async fn reconcile(
    bus: Bus,
    client: Client,
    config: Arc<Config>,
    end: CancellationToken,
) {
    if config.provider.organization_key.is_none() {
        return;
    }
    let auditor = Auditor {
        bus,
        client,
        account: config.account.clone(),
    };
    auditor.run(FIRST, EACH, &end).await;
}

struct Auditor {
    bus: Bus,
    client: Client,
    account: String,
}

impl Auditor {
    async fn run(&self, first: Duration, each: Duration, end: &CancellationToken) {
        let mut pause = first;
        while end.run_until_cancelled(sleep(pause)).await.is_some() {
            pause = each;
            let audit = self.audit(Timestamp::now());
            if let Some(Err(err)) = end.run_until_cancelled(audit).await {
                warn!(
                    error = &*err,
                    "cannot compare the provider's bill with the ledger"
                );
            }
        }
    }

    /// Compares the hours that have closed since the last time. The first time, it is only noted
    /// where to begin.
    async fn audit(&self, now: Timestamp) -> anyhow::Result<()> {
        let key = format!("reconciled.{}", self.account);
        let ledger_end = self.bus.ledger().end().await?;
        let kept = self.bus.setting_at(BUCKET, &key).await?;
        let revision = kept.as_ref().map_or(0, |(_, revision)| *revision);
        let known = kept.and_then(|(text, _)| Page::parse(&text));
        // An end before what was read means that EVENTS was made anew.
        let Some(page) = known.filter(|page| page.seen() <= ledger_end) else {
            let page = Page::begin(now, ledger_end);
            return self.keep(&key, &page, revision).await;
        };
        let closed = hour_of(now.saturating_sub(LAG)?);
        let to = closed.min(page.until().saturating_add(HOURS)?);
        if to <= page.until() {
            return Ok(());
        }
        let usage = self
            .client
            .usage(page.until(), to, BucketWidth::Hour)
            .await?;
        let scan = self.read(page.scan(to)).await?;
        let (page, outcome) = scan.close(usage.cost());
        match outcome {
            Outcome::Agrees => info!(account = self.account, %to, "the bill agrees"),
            Outcome::Differs(gap) => self.tell(gap, to, now).await?,
        }
        self.keep(&key, &page, revision).await
    }

    async fn tell(&self, gap: Gap, to: Timestamp, at: Timestamp) -> Result<(), bus::Error> {
        warn!(account = self.account, from = %gap.from, %to, billed = %gap.billed,
            settled = %gap.settled, "the provider billed something else than was settled");
        let event = Event::from(ProviderDiscrepancy {
            account: self.account.clone(),
            from: gap.from,
            to,
            billed: gap.billed,
            settled: gap.settled,
            unknown: gap.unknown,
            candidates: gap.candidates,
            at,
        });
        self.bus.publish(&event, &Expect::Nothing).await.map(drop)
    }

    /// On the condition that nobody else has compared meanwhile.
    async fn keep(&self, key: &str, page: &Page, revision: u64) -> anyhow::Result<()> {
        let text = page.to_json()?;
        let kept = self.bus.set_setting(BUCKET, key, text, Some(revision));
        kept.await.map(drop).context("somebody else compares too")
    }

    /// Reads what was settled since.
    async fn read(&self, mut scan: Scan) -> anyhow::Result<Scan> {
        let mut entries = self.bus.ledger().follow(&SETTLING, scan.after());
        loop {
            let next = timeout(SILENCE, entries.next()).await;
            match next.context("the ledger is silent")? {
                Some(Followed::Entry(entry)) => self.enter(&mut scan, entry).await?,
                Some(Followed::Unreadable(entry)) => {
                    warn!(
                        error = &*entry.source as &dyn std::error::Error,
                        subject = entry.subject,
                        "what cannot be read is not compared"
                    );
                }
                Some(Followed::CaughtUp(_)) | None => return Ok(scan),
            }
        }
    }

    async fn enter(
        &self,
        scan: &mut Scan,
        Entry {
            sequence, event, ..
        }: Entry,
    ) -> anyhow::Result<()> {
        match event {
            Event::Rendered(event) => {
                scan.settle(sequence, event.at, event.cost);
                scan.resolve(event.job.id, Some(event.attempt));
            }
            Event::Failed(event) => {
                let Failed { id, at, cost, .. } = *event;
                if cost > Usd::ZERO && !self.was_rendered(id, sequence).await? {
                    scan.settle(sequence, at, cost);
                }
                if event.failure.billed != Billed::Unknown {
                    scan.resolve(id, None);
                }
            }
            Event::Unknown(event) => scan.doubt(sequence, &event),
            _ => {}
        }
        Ok(())
    }

    /// Whether what a failure cost was settled before: paid for, and lost on the way to us.
    async fn was_rendered(&self, id: GenerationId, before: u64) -> Result<bool, bus::Error> {
        let entries = self.bus.ledger().read(id).await?;
        Ok(entries
            .iter()
            .any(|entry| entry.sequence < before && matches!(entry.event, Event::Rendered(_))))
    }
}
