//! What the bill says of calls in doubt, and what the desk makes of it.

use std::sync::{Mutex, PoisonError};

use domain::{Accepted, Announced, Calling};
use ideogram_sim::{Fault, FaultKind};
use runtime::Env;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use wire::{ask, v1};

use super::*;
use crate::attempt::{Buyer, Durations, Pace};
use crate::dispatch;
use crate::sources::Sources;

/// A ledger, a bill, and a desk between them.
struct Office {
    world: World,
    now: Timestamp,
    end: CancellationToken,
    desk: JoinHandle<Result<(), bus::Error>>,
    _folder: TempDir,
}

impl Office {
    async fn open() -> anyhow::Result<Self> {
        let mut world = World::start().await?;
        let now = Timestamp::now();
        world.auditor.audit(now - 2.hours()).await?;
        let folder = tempfile::tempdir()?;
        let env = Env::from_pairs([
            (
                "DARKROOM_STORAGE_URL",
                format!("file://{}", folder.path().display()),
            ),
            ("DARKROOM_NATS_URL", world.server.url().to_owned()),
            ("IDEOGRAM_BASE_URL", world.sim.api_url()),
            ("IDEOGRAM_API_KEY", "secret-key".to_owned()),
        ]);
        let config = Config::from_env(&env)?;
        let verdicts = world.verdicts.take().context("one desk")?;
        let end = CancellationToken::new();
        let (bus, client) = (world.auditor.bus.clone(), world.auditor.client.clone());
        let desk = tokio::spawn(desk(bus, client, config, verdicts, end.clone()));
        Ok(Self {
            world,
            now,
            end,
            desk,
            _folder: folder,
        })
    }

    async fn audit(&self, hours: i64) -> anyhow::Result<()> {
        self.world.auditor.audit(self.now + hours.hours()).await
    }

    async fn ask(&self, name: &str) -> anyhow::Result<GenerationId> {
        let accepted = Accepted {
            job: job(name),
            callback_url: None,
            reserved: PRICE,
        };
        let id = accepted.job.id;
        self.world.auditor.bus.ledger().append(accepted, 0).await?;
        Ok(id)
    }

    /// A call without an answer.
    async fn lose(&self, name: &str, kind: FaultKind) -> anyhow::Result<GenerationId> {
        self.world.sim.set_fault(Fault::from(kind).times(1))?;
        let id = self.ask(name).await?;
        self.until(id, "unknown").await?;
        Ok(id)
    }

    /// Something that is bought two hours later, by which is seen how far the bill goes.
    async fn buy_later(&self) -> anyhow::Result<()> {
        self.world.sim.advance_clock(Duration::from_secs(2 * 3_600));
        let id = self.ask("later").await?;
        self.until(id, "rendered").await?;
        Ok(())
    }

    async fn until(&self, id: GenerationId, kind: &str) -> anyhow::Result<Event> {
        let name = format!("generation.{kind}");
        let found = testkit::wait_for(SILENCE, &name, async || {
            let entries = self.world.auditor.bus.ledger().read(id).await.ok()?;
            let mut events = entries.into_iter().map(|entry| entry.event);
            events.find(|event| event.name() == name)
        });
        found.await
    }

    async fn track(&self, id: GenerationId) -> anyhow::Result<String> {
        let entries = self.world.auditor.bus.ledger().read(id).await?;
        let names = entries
            .iter()
            .map(|entry| entry.event.name().replace("generation.", ""));
        Ok(names.collect::<Vec<_>>().join(" "))
    }

    async fn calls(&self, id: GenerationId) -> anyhow::Result<Vec<Calling>> {
        Ok(self.world.auditor.bus.ledger().attempts(id).await?)
    }

    /// What it says comes after everything that it was told before.
    async fn status(&self) -> anyhow::Result<v1::AccountStatus> {
        let question = ask::write(&v1::AccountCommand::default());
        let answer = self.world.auditor.bus.ask(ask::STATUS, question).await?;
        Ok(ask::read(&answer)?)
    }

    /// As the gateway does when the provider names the first attempt.
    async fn announce(&self, id: GenerationId, provider_id: String) -> anyhow::Result<()> {
        let calls = self.calls(id).await?;
        let token = calls.first().context("no call")?.token.clone();
        let at = Timestamp::now();
        let announced = Announced {
            id,
            token,
            provider_id,
            at,
        };
        Ok(self.world.auditor.bus.announce_attempt(announced).await?)
    }

    fn bill(&self, name: &str) -> Vec<String> {
        let bill = self.world.sim.bill().into_iter();
        let its = bill.filter(|charge| charge.prompt == name);
        its.map(|charge| charge.id).collect()
    }

    async fn close(self) -> anyhow::Result<()> {
        self.end.cancel();
        Ok(timeout(SILENCE, self.desk).await???)
    }
}

async fn desk(
    bus: Bus,
    client: Client,
    config: Config,
    verdicts: mpsc::Receiver<Verdict>,
    end: CancellationToken,
) -> Result<(), bus::Error> {
    let (config, verdicts) = (Arc::new(config), Mutex::new(Some(verdicts)));
    let egress = egress::Client::new(config.sources.clone());
    let Ok(egress) = egress else { return Ok(()) };
    let sources = Sources::new(config.store.clone(), egress, bus.ledger());
    let work = async |lease: bus::Lease| {
        let taken = verdicts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(verdicts) = taken else { return Ok(()) };
        let buyer = Buyer {
            client: client.clone(),
            ledger: bus.ledger(),
            config: Arc::clone(&config),
            sources: sources.clone(),
            pace: Pace::new(config.polls_per_second),
            durations: Durations::default(),
            lease: lease.clone(),
        };
        Box::pin(dispatch::dispatch(&bus, &config, buyer, lease, verdicts)).await
    };
    bus.while_leader("ideogram", config.lease, &end, work).await
}

#[tokio::test]
async fn what_was_not_billed_goes_back_into_the_line_and_is_bought_once() -> anyhow::Result<()> {
    let office = Office::open().await?;
    let id = office.lose("kite", FaultKind::ResetBeforeAccept).await?;
    assert_eq!(
        (office.status().await?.unknown, office.bill("kite").len()),
        (1, 0)
    );
    // The bill is silent, and nothing shows that it goes so far.
    office.audit(6).await?;
    assert_eq!(office.status().await?.unknown, 1);
    assert_eq!(office.track(id).await?, "accepted calling unknown");

    office.buy_later().await?;
    office.audit(7).await?;
    let Event::Parked(parked) = office.until(id, "parked").await? else {
        anyhow::bail!("not parked")
    };
    assert_eq!((parked.in_doubt, parked.failures), (false, 0));
    assert!(parked.reason.contains("bill"), "{}", parked.reason);
    office.until(id, "rendered").await?;
    let status = office.status().await?;
    assert_eq!(
        (
            status.unknown,
            status.unknown_usd_micros,
            status.in_progress
        ),
        (0, 0, 0)
    );
    for hours in [8, 9] {
        office.audit(hours).await?;
    }
    assert_eq!(office.status().await?.unknown, 0);
    assert_eq!(
        (office.bill("kite").len(), office.calls(id).await?.len()),
        (1, 2)
    );
    assert_eq!(office.world.discrepancies().await?, []);
    office.close().await
}

#[tokio::test]
async fn what_was_billed_has_failed_at_its_price_and_is_kept_when_it_turns_up() -> anyhow::Result<()>
{
    let office = Office::open().await?;
    let id = office.lose("kite", FaultKind::ResetAfterAccept).await?;
    office.audit(6).await?;
    let Event::Failed(failed) = office.until(id, "failed").await? else {
        anyhow::bail!("not failed")
    };
    let Failure {
        code,
        phase,
        billed,
        ..
    } = failed.failure;
    assert_eq!(
        (code, phase, billed),
        (Code::OutcomeUnknown, Phase::Generation, Billed::Yes)
    );
    assert_eq!(failed.cost, PRICE);
    let status = office.status().await?;
    assert_eq!((status.unknown, status.unknown_usd_micros), (0, 0));

    office.announce(id, office.bill("kite").remove(0)).await?;
    let Event::Rendered(rendered) = office.until(id, "rendered").await? else {
        anyhow::bail!("not rendered")
    };
    assert!(rendered.late && rendered.cost == PRICE, "{rendered:?}");
    for hours in [7, 8, 9] {
        office.audit(hours).await?;
    }
    assert_eq!(
        office.world.discrepancies().await?,
        [],
        "its price is counted once"
    );
    assert_eq!(
        (office.world.sim.bill().len(), office.calls(id).await?.len()),
        (1, 1)
    );
    office.close().await
}

#[tokio::test]
async fn which_of_two_was_billed_is_for_people_to_say() -> anyhow::Result<()> {
    let office = Office::open().await?;
    let paid = office.lose("paid", FaultKind::ResetAfterAccept).await?;
    let lost = office.lose("lost", FaultKind::ResetBeforeAccept).await?;
    office.buy_later().await?;
    office.audit(6).await?;
    let told = office.world.discrepancies().await?;
    let [told] = told.as_slice() else {
        anyhow::bail!("{told:?}");
    };
    let mut both = [paid, lost];
    both.sort_by_key(ToString::to_string);
    assert_eq!(told.candidates, both);
    for hours in [7, 8] {
        office.audit(hours).await?;
    }
    assert_eq!(office.status().await?.unknown, 2);
    for id in both {
        assert_eq!(office.track(id).await?, "accepted calling unknown");
    }
    office.close().await
}

#[tokio::test]
async fn whoever_comes_before_the_bill_is_right_and_the_bill_agrees() -> anyhow::Result<()> {
    let office = Office::open().await?;
    let id = office.lose("kite", FaultKind::ResetAfterAccept).await?;
    office.announce(id, office.bill("kite").remove(0)).await?;
    office.until(id, "rendered").await?;
    let track = "accepted calling unknown submitted rendered";
    // What was on its way to the desk meanwhile.
    for cost in [None, Some(PRICE)] {
        let attempt = 1;
        office
            .world
            .auditor
            .desk
            .send(Verdict { id, attempt, cost })
            .await?;
    }
    office.buy_later().await?;
    for hours in [6, 7] {
        office.audit(hours).await?;
    }
    office.status().await?;
    assert_eq!(office.track(id).await?, track);
    assert_eq!(office.world.discrepancies().await?, []);
    assert_eq!(office.bill("kite").len(), 1);
    office.close().await
}

/// A bill that is wrong costs money, and no picture.
#[tokio::test]
async fn what_turns_up_after_it_was_bought_again_is_kept() -> anyhow::Result<()> {
    let office = Office::open().await?;
    let id = office.lose("kite", FaultKind::ResetAfterAccept).await?;
    let (attempt, cost) = (1, None);
    for attempt in [2, attempt] {
        office
            .world
            .auditor
            .desk
            .send(Verdict { id, attempt, cost })
            .await?;
    }
    office.until(id, "rendered").await?;
    office.world.tell(failed(job("kite"))).await?;
    office.announce(id, office.bill("kite").remove(0)).await?;
    let first = testkit::wait_for(SILENCE, "the first", async || {
        match office.until(id, "rendered").await.ok()? {
            Event::Rendered(rendered) if rendered.attempt == attempt => Some(rendered),
            _ => None,
        }
    });
    assert!(first.await?.late);
    assert_eq!(
        (office.bill("kite").len(), office.calls(id).await?.len()),
        (2, 2)
    );
    office.close().await
}
