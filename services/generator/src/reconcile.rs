//! Whether the provider billed what the ledger settled.
//!
//! Once an hour the bill of the hours that have been over for long is added to one sum, and what the ledger has
//! settled in them to another, each entry once. The sums may differ by what was settled around the
//! last hour's end, since nobody knows by whose clock it belongs to which side. What differs by more
//! is told, and both sums begin anew. Where nothing happened around the ends, the sums also tell what
//! came of calls in doubt (see [`page`]): the desk is told, which alone decides.

mod page;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bus::{Bus, Entry, Expect, Followed};
use domain::{
    Billed, Code, Event, Failed, Failure, GenerationId, ProviderDiscrepancy, Rendered, Usd,
};
use futures::StreamExt;
use ideogram::{BucketWidth, Client};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::Config;
use crate::dispatch::Verdict;
use page::{Bill, Gap, HOURS, Outcome, Page, Scan, hour_of};

const BUCKET: &str = "books";
/// What begins a call, settles it, or leaves it open.
const ENTRIES: [&str; 5] = [
    "generation.calling.*",
    "generation.rendered.*",
    "generation.failed.*",
    "generation.unknown.*",
    "generation.parked.*",
];
/// How long the ledger may be silent while it is read.
const SILENCE: Duration = Duration::from_secs(30);
const FIRST: Duration = Duration::from_secs(600);
const EACH: Duration = Duration::from_secs(3_600);

/// Compares bill and ledger until `end`, and tells the desk what that says of calls in doubt. Needs
/// the organization's key; without it there is no bill.
pub(crate) async fn reconcile(
    bus: Bus,
    client: Client,
    config: Arc<Config>,
    desk: mpsc::Sender<Verdict>,
    end: CancellationToken,
) {
    if config.provider.organization_key.is_none() {
        return;
    }
    let auditor = Auditor {
        bus,
        client,
        account: config.account.clone(),
        safety: SignedDuration::try_from(config.bill_safety).unwrap_or(SignedDuration::MAX),
        desk,
    };
    auditor.run(FIRST, EACH, &end).await;
}

/// How long after a call its bill has had its say: when its hour is over, the provider's time to
/// write it down has passed, and the bills have been compared once more.
pub(crate) fn delay(config: &Config) -> SignedDuration {
    let hour_and_turn =
        SignedDuration::from_hours(1) + SignedDuration::try_from(EACH).unwrap_or_default();
    SignedDuration::try_from(config.bill_safety)
        .unwrap_or(SignedDuration::MAX)
        .saturating_add(hour_and_turn)
}

struct Auditor {
    bus: Bus,
    client: Client,
    account: String,
    /// How long the provider may take to finish a call, and then to write it into the bill.
    safety: SignedDuration,
    desk: mpsc::Sender<Verdict>,
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
        let closed = hour_of(now.saturating_sub(self.safety)?);
        let to = closed.min(page.until().saturating_add(HOURS)?);
        if to <= page.until() {
            return Ok(());
        }
        let from = page.billed_from(to);
        // The ledger first: what is billed and not yet settled here is seen, and not the other way.
        let scan = self.read(page.scan(to, self.safety)).await?;
        let usage = self.client.usage(from, to, BucketWidth::Hour).await?;
        let (page, outcome) = scan.close(&Bill::of(&usage, from));
        match outcome {
            Outcome::Agrees => info!(account = self.account, %to, "the bill agrees"),
            Outcome::Differs(gap) => self.tell(gap, to, now).await?,
            Outcome::Settles(verdicts) => self.hand_over(verdicts).await,
        }
        self.keep(&key, &page, revision).await
    }

    /// What the desk does not get to, it is told again in an hour: its own entries say what it did.
    async fn hand_over(&self, verdicts: Vec<Verdict>) {
        for verdict in verdicts {
            info!(generation = %verdict.id, cost = ?verdict.cost, "the bill tells of a doubt");
            if self.desk.send(verdict).await.is_err() {
                return;
            }
        }
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
        let mut entries = self.bus.ledger().follow(&ENTRIES, scan.after());
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
                    scan.miss();
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
            Event::Calling(event) => {
                scan.reach(sequence, event.at);
                scan.begin(&event);
            }
            Event::Rendered(event) => {
                scan.reach(sequence, event.at);
                let Rendered { attempt, at, .. } = *event;
                // What turns up after the bill has told of it was settled then.
                if !event.late || !self.was_charged(event.job.id, sequence).await? {
                    scan.render(event.job.id, attempt, at, event.cost);
                }
            }
            Event::Failed(event) => self.enter_failed(scan, sequence, &event).await?,
            Event::Unknown(event) => {
                scan.reach(sequence, event.at);
                scan.doubt(&event);
            }
            Event::Parked(event) => {
                scan.reach(sequence, event.at);
                match event.in_doubt {
                    true => scan.give_up(event.id),
                    false => scan.clear(event.id),
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn enter_failed(
        &self,
        scan: &mut Scan,
        sequence: u64,
        event: &Failed,
    ) -> anyhow::Result<()> {
        let Failed { id, at, cost, .. } = *event;
        scan.reach(sequence, at);
        if is_charge(event) {
            scan.charge(id, cost);
        } else if event.failure.billed == Billed::Unknown {
            scan.give_up(id);
        } else if cost > Usd::ZERO && !self.was_rendered(id, sequence).await? {
            scan.lose(id, at, cost);
        } else {
            scan.clear(id);
        }
        Ok(())
    }

    /// Whether what a failure cost was settled before: paid for, and lost on the way to us.
    async fn was_rendered(&self, id: GenerationId, before: u64) -> Result<bool, bus::Error> {
        let is_rendered = |event: &Event| matches!(event, Event::Rendered(_));
        self.was(id, before, is_rendered).await
    }

    /// Whether an attempt was settled before because the bill has it.
    async fn was_charged(&self, id: GenerationId, before: u64) -> Result<bool, bus::Error> {
        let is_charged =
            |event: &Event| matches!(event, Event::Failed(failed) if is_charge(failed));
        self.was(id, before, is_charged).await
    }

    async fn was(
        &self,
        id: GenerationId,
        before: u64,
        is_it: impl Fn(&Event) -> bool,
    ) -> Result<bool, bus::Error> {
        let entries = self.bus.ledger().read(id).await?;
        let mut entries = entries.iter().filter(|entry| entry.sequence < before);
        Ok(entries.any(|entry| is_it(&entry.event)))
    }
}

/// Whether it ended because the bill has its call: nobody else knows that of an unknown outcome.
fn is_charge(failed: &Failed) -> bool {
    let Failure { code, billed, .. } = failed.failure;
    code == Code::OutcomeUnknown && billed == Billed::Yes
}
