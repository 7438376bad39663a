//! What becomes of a message, by how its handling ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use bus::{Emit, Expect, Fault, Lost, Policy, Source, Stage, Step, Wait};
use domain::{Code, Event, GenerationId, Rendered};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use crate::events::{calling, completed, failed, failure, rendered};
use crate::world::{LIMIT, POLICY, Running, Script, World, header, next};

/// How soon a message comes again when its worker is silent.
const SOON: Duration = Duration::from_millis(300);
/// One attempt.
const HURRIED: Policy = Policy {
    attempts: 1,
    ack_wait: SOON,
    ..POLICY
};

/// Ends the generation whose name the lost message bears.
async fn fail(lost: Lost<Rendered>) -> Result<Vec<Emit>, Source> {
    let expect = Expect::LedgerAt(lost.cause);
    let failed = failed(lost.key.parse()?, lost.failure);
    Ok(vec![Emit::event(failed, expect)])
}

async fn last_event(world: &World, id: GenerationId) -> anyhow::Result<Option<Event>> {
    Ok(world
        .bus
        .ledger()
        .read(id)
        .await?
        .pop()
        .map(|entry| entry.event))
}

#[tokio::test]
async fn what_is_done_is_said_and_then_acknowledged() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let cause = world.bus.ledger().append(rendered(id), 0).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = Script::<Rendered>::new(move |input, delivery| {
        let sent = tell.send((input.clone(), delivery.clone()));
        async move {
            sent.map_err(|err| Fault::transient(err.to_string(), failure(Code::Internal)))?;
            Ok(Step::emit(
                completed(input.job.id),
                Expect::after(&delivery),
            ))
        }
    });

    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    let (input, delivery) = next(&mut told).await?;
    assert_eq!(input, rendered(id));
    assert_eq!(
        (delivery.attempt, delivery.redelivered, delivery.cause),
        (1, false, cause)
    );
    world.settled("EVENTS", "upload", 1).await?;
    assert_eq!(last_event(&world, id).await?, Some(completed(id).into()));
    worker.stop().await
}

/// They are one wait for the disk, with nothing in between.
#[tokio::test]
async fn what_is_said_together_is_written_as_one() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (id, other) = (GenerationId::generate(), GenerationId::generate());
    world.bus.ledger().append(rendered(id), 0).await?;
    let handler = Script::<Rendered>::new(move |input, delivery| async move {
        Ok(Step::Emit(vec![
            Emit::event(completed(input.job.id), Expect::after(&delivery)),
            Emit::event(completed(other), Expect::LedgerAt(0)),
        ]))
    });

    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    world.settled("EVENTS", "upload", 1).await?;
    let stored = world.messages("EVENTS").await?;
    let [_, first, second] = stored.as_slice() else {
        anyhow::bail!("{stored:?}");
    };
    let batch = header(first, "Nats-Batch-Id");
    assert!(batch.is_some() && batch == header(second, "Nats-Batch-Id"));
    assert_eq!(last_event(&world, id).await?, Some(completed(id).into()));
    assert_eq!(
        last_event(&world, other).await?,
        Some(completed(other).into())
    );
    worker.stop().await
}

/// The second may only be said if the first is: neither is, where the first was said before us.
#[tokio::test]
async fn of_what_is_said_together_nothing_overtakes() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (id, other) = (GenerationId::generate(), GenerationId::generate());
    let ledger = world.bus.ledger();
    let cause = ledger.append(rendered(id), 0).await?;
    ledger.append(calling(id, "somebody else"), cause).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = Script::<Rendered>::new(move |input, delivery| {
        tell.send(delivery.attempt).ok();
        async move {
            Ok(Step::Emit(vec![
                Emit::event(completed(input.job.id), Expect::after(&delivery)),
                Emit::event(completed(other), Expect::LedgerAt(0)),
            ]))
        }
    });

    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    assert_eq!(next(&mut told).await?, 1);
    assert_eq!(next(&mut told).await?, 2, "done again, since it was outrun");
    assert_eq!(last_event(&world, other).await?, None);
    worker.stop().await
}

#[tokio::test]
async fn what_cannot_be_said_is_not_acknowledged_and_done_again() -> anyhow::Result<()> {
    let world = World::impatient(Duration::from_millis(500)).await?;
    let id = GenerationId::generate();
    world.bus.ledger().append(rendered(id), 0).await?;
    let roomy = world
        .outside
        .get_stream("EVENTS")
        .await?
        .cached_info()
        .config
        .clone();
    let mut narrow = roomy.clone();
    narrow.max_message_size = 10;
    world.outside.update_stream(narrow).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = Script::<Rendered>::new(move |input, delivery| {
        tell.send(delivery.redelivered).ok();
        async move {
            Ok(Step::emit(
                completed(input.job.id),
                Expect::after(&delivery),
            ))
        }
    });

    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    assert!(!next(&mut told).await?);
    assert!(next(&mut told).await?, "not said, so it came again");
    world.outside.update_stream(roomy).await?;
    world.settled("EVENTS", "upload", 2).await?;
    assert_eq!(last_event(&world, id).await?, Some(completed(id).into()));
    worker.stop().await
}

#[tokio::test]
async fn a_passing_fault_is_tried_again_by_a_timer_until_the_attempts_are_used_up()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let cause = world.bus.ledger().append(rendered(id), 0).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = Script::<Rendered>::new(move |_, delivery| {
        tell.send((delivery.attempt, delivery.cause)).ok();
        async {
            Err(Fault::transient(
                "the store is away",
                failure(Code::StoreFailed),
            ))
        }
    })
    .giving_up(fail);

    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    for attempt in 1..=POLICY.attempts {
        assert_eq!(next(&mut told).await?, (attempt, cause));
    }
    world.settled("WORK", "upload-due", 2).await?;
    world.settled("EVENTS", "upload", 1).await?;
    let end = failed(id, failure(Code::StoreFailed));
    assert_eq!(last_event(&world, id).await?, Some(end.into()));
    assert!(world.messages("WORK").await?.is_empty(), "no timer is left");
    let dead = world.messages("DEAD").await?;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].subject.as_str(), format!("dead.upload.{id}"));
    assert_eq!(
        header(&dead[0], "Darkroom-Reason"),
        Some("told as store_failed")
    );
    let origin = format!("generation.rendered.{id}");
    assert_eq!(header(&dead[0], "Darkroom-Origin"), Some(origin.as_str()));
    assert_eq!(header(&dead[0], "ce-type"), Some("generation.rendered"));
    worker.stop().await
}

#[tokio::test]
async fn a_decision_is_told_at_once_and_is_no_dead_letter() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    world.bus.ledger().append(rendered(id), 0).await?;
    let handler =
        Script::<Rendered>::new(|_, _| async { Err(Fault::Permanent(failure(Code::AllWithheld))) })
            .giving_up(fail);

    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    world.settled("EVENTS", "upload", 1).await?;
    let end = failed(id, failure(Code::AllWithheld));
    assert_eq!(last_event(&world, id).await?, Some(end.into()));
    assert!(world.messages("DEAD").await?.is_empty());
    worker.stop().await
}

#[tokio::test]
async fn last_words_are_found_again_if_somebody_else_wrote_meanwhile() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    world.bus.ledger().append(rendered(id), 0).await?;
    let handler =
        Script::<Rendered>::new(|_, _| async { Err(Fault::Permanent(failure(Code::AllWithheld))) });
    let ledger = world.bus.ledger();
    let handler = handler.giving_up(move |lost| {
        let ledger = ledger.clone();
        async move {
            let entries = ledger.read(id).await.unwrap_or_default();
            if entries.len() == 1 {
                // Written between our look at the ledger and our words.
                ledger
                    .append(calling(id, "late"), entries[0].sequence)
                    .await
                    .ok();
            }
            let last = entries.last().map_or(0, |entry| entry.sequence);
            let failed = failed(id, lost.failure);
            Ok(vec![Emit::event(failed, Expect::LedgerAt(last))])
        }
    });

    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    world.settled("EVENTS", "upload", 1).await?;
    let end = failed(id, failure(Code::AllWithheld));
    assert_eq!(last_event(&world, id).await?, Some(end.into()));
    worker.stop().await
}

/// Of what died nobody can say why. Whoever waits hears of the end all the same.
#[tokio::test]
async fn what_kills_its_workers_is_given_up_and_has_an_end() -> anyhow::Result<()> {
    let world = World::impatient(SOON).await?;
    let id = GenerationId::generate();
    world.bus.ledger().append(rendered(id), 0).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let start = || {
        let (begun, given_up) = (tell.clone(), tell.clone());
        let handler = Script::<Rendered>::new(move |_, _| {
            begun.send(None).ok();
            std::future::pending()
        });
        let handler = handler.giving_up(move |lost| {
            given_up.send(lost.input.clone()).ok();
            fail(lost)
        });
        Running::start(&world.bus, Stage::Upload, HURRIED, handler)
    };

    let mut deaths = 0;
    let lost = loop {
        let worker = start();
        if let Some(lost) = next(&mut told).await? {
            world.settled("EVENTS", "upload", 1).await?;
            break lost;
        }
        drop(worker);
        deaths += 1;
    };

    // At most one attempt, and three more that may have been anything; and three that were deaths.
    assert!((3..=7).contains(&deaths), "{deaths}");
    assert_eq!(lost.job.id, id, "it could be read, and so told");
    let Some(Event::Failed(end)) = last_event(&world, id).await? else {
        anyhow::bail!("no end")
    };
    let why = "the message was put aside: its handling never came to an end";
    assert_eq!(
        (end.failure.code, end.failure.message.as_str()),
        (Code::Poison, why)
    );
    assert_eq!(world.messages("DEAD").await?.len(), 1);
    no_suspect_is_left(&world).await
}

/// It lasts as many deliveries as a message has that kills its worker.
#[tokio::test]
async fn an_outage_is_nobodys_death() -> anyhow::Result<()> {
    let world = World::impatient(SOON).await?;
    let id = GenerationId::generate();
    world.bus.ledger().append(rendered(id), 0).await?;
    let events_hold = async |max_messages| {
        let mut stream = world.outside.get_stream("EVENTS").await?;
        let config = Config {
            max_messages,
            discard: DiscardPolicy::New,
            ..stream.info().await?.config.clone()
        };
        world.outside.update_stream(config).await?;
        anyhow::Ok(())
    };
    events_hold(1).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = Script::<Rendered>::new(move |input, delivery| {
        tell.send(()).ok();
        async move {
            let completed = completed(input.job.id);
            Ok(Step::emit(completed, Expect::after(&delivery)))
        }
    });

    let worker = Running::start(&world.bus, Stage::Upload, HURRIED, handler.giving_up(fail));
    for _ in 0..10 {
        next(&mut told).await?;
    }
    events_hold(-1).await?;

    world.settled("EVENTS", "upload", 1).await?;
    assert_eq!(last_event(&world, id).await?, Some(completed(id).into()));
    assert!(world.messages("DEAD").await?.is_empty());
    worker.stop().await?;
    no_suspect_is_left(&world).await
}

async fn no_suspect_is_left(world: &World) -> anyhow::Result<()> {
    testkit::wait_until(LIMIT, "the mark to be removed", async || {
        let suspects = world.bus.settings("suspects", ">").await;
        suspects.is_ok_and(|suspects| suspects.is_empty())
    })
    .await
}

#[tokio::test]
async fn a_panic_and_a_long_attempt_are_faults_of_one_message_only() -> anyhow::Result<()> {
    let world = World::start().await?;
    let ids = [(); 3].map(|()| GenerationId::generate());
    for id in ids {
        world.bus.ledger().append(rendered(id), 0).await?;
    }
    let handler = Script::<Rendered>::new(move |input, delivery| async move {
        match ids.iter().position(|id| *id == input.job.id) {
            Some(0) => panic!("on purpose"),
            Some(1) => std::future::pending().await,
            _ => Ok(Step::emit(
                completed(input.job.id),
                Expect::after(&delivery),
            )),
        }
    })
    .giving_up(fail);
    let policy = Policy {
        attempts: 2,
        limit: Duration::from_millis(200),
        ..POLICY
    };

    let worker = Running::start(&world.bus, Stage::Upload, policy, handler);

    let mut ends = Vec::new();
    for id in ids {
        let end = testkit::wait_for(LIMIT, "an end", async || {
            last_event(&world, id)
                .await
                .ok()
                .flatten()
                .filter(Event::is_terminal)
        });
        ends.push(match end.await? {
            Event::Failed(failed) => failed.failure.message,
            other => other.name().to_owned(),
        });
    }
    assert_eq!(
        ends,
        [
            "the message was put aside: every attempt panicked",
            "the message was put aside: every attempt took too long",
            "generation.completed",
        ]
    );
    worker.stop().await
}

#[tokio::test]
async fn poison_is_put_aside_and_the_others_go_on() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (bad, worse, good) = (
        GenerationId::generate(),
        GenerationId::generate(),
        GenerationId::generate(),
    );
    let mut headers = HeaderMap::new();
    headers.insert("ce-type", "generation.rendered");
    let events = format!("generation.rendered.{bad}");
    world
        .outside
        .publish_with_headers(events, headers, "\0{not json".into())
        .await?
        .await?;
    let work = format!("due.upload.{worse}");
    world
        .outside
        .publish(work, "no headers at all".into())
        .await?
        .await?;
    world.bus.ledger().append(rendered(good), 0).await?;
    let handler = Script::<Rendered>::new(|input, delivery| async move {
        Ok(Step::emit(
            completed(input.job.id),
            Expect::after(&delivery),
        ))
    })
    .giving_up(|lost| async move {
        let failed = failed(lost.key.parse()?, lost.failure);
        Ok(vec![Emit::event(failed, Expect::Nothing)])
    });

    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    world.settled("EVENTS", "upload", 2).await?;
    world.settled("WORK", "upload-due", 1).await?;
    assert_eq!(
        last_event(&world, good).await?,
        Some(completed(good).into())
    );
    let ends = world.messages("EVENTS").await?;
    for id in [bad, worse] {
        let subject = format!("generation.failed.{id}");
        let end = ends
            .iter()
            .find(|message| message.subject.as_str() == subject);
        let end: serde_json::Value =
            serde_json::from_slice(end.map_or(&[], |message| &message.payload))?;
        assert_eq!(end["error"]["code"], "poison");
    }
    let mut dead = world.messages("DEAD").await?;
    dead.sort_by_key(|message| message.payload.len());
    let bodies: Vec<_> = dead
        .iter()
        .map(|message| message.payload.as_ref())
        .collect();
    assert_eq!(bodies, [b"\0{not json".as_slice(), b"no headers at all"]);
    let reason = header(&dead[0], "Darkroom-Reason").unwrap_or_default();
    assert!(
        reason.contains("not the JSON of a `generation.rendered`"),
        "{reason}"
    );
    worker.stop().await
}

#[tokio::test]
async fn an_event_that_somebody_else_told_first_is_told_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (id, ledger) = (GenerationId::generate(), world.bus.ledger());
    let start = ledger.append(rendered(id), 0).await?;
    ledger.append(completed(id), start).await?;
    let handler = Script::<Rendered>::new(|input, delivery| async move {
        let event = failed(input.job.id, failure(Code::DownloadFailed));
        Ok(Step::emit(event, Expect::after(&delivery)))
    });

    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    world.settled("EVENTS", "upload", 1).await?;
    let names: Vec<_> = ledger
        .read(id)
        .await?
        .iter()
        .map(|entry| entry.event.name())
        .collect();
    assert_eq!(names, ["generation.rendered", "generation.completed"]);
    assert!(world.messages("WORK").await?.is_empty());
    worker.stop().await
}

#[tokio::test]
async fn what_cannot_be_said_of_lost_work_is_asked_again() -> anyhow::Result<()> {
    let world = World::impatient(Duration::from_millis(500)).await?;
    let id = GenerationId::generate();
    world.bus.ledger().append(rendered(id), 0).await?;
    let away = AtomicBool::new(true);
    let handler =
        Script::<Rendered>::new(|_, _| async { Err(Fault::Permanent(failure(Code::AllWithheld))) })
            .giving_up(move |lost| {
                let away = away.swap(false, Ordering::Relaxed);
                async move {
                    match away {
                        true => Err("the books are away".into()),
                        false => fail(lost).await,
                    }
                }
            });

    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    world.settled("EVENTS", "upload", 2).await?;
    let end = failed(id, failure(Code::AllWithheld));
    assert_eq!(last_event(&world, id).await?, Some(end.into()));
    worker.stop().await
}

#[tokio::test]
async fn work_is_not_put_off_on_the_strength_of_what_is_no_longer_true() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (id, ledger) = (GenerationId::generate(), world.bus.ledger());
    ledger.append(rendered(id), 0).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = Script::<Rendered>::new(move |_, delivery| {
        tell.send(delivery.attempt).ok();
        let ledger = ledger.clone();
        async move {
            if delivery.attempt > 1 {
                return Ok(Step::done());
            }
            // Somebody else writes between our look at the ledger and our word.
            let late = ledger.append(calling(id, "late"), delivery.cause).await;
            late.map_err(|err| Fault::transient(err, failure(Code::Internal)))?;
            Ok(Step::Wait(Wait {
                until: Timestamp::now() + SignedDuration::from_hours(1),
                counts: false,
                emit: vec![Emit::event(completed(id), Expect::after(&delivery))],
            }))
        }
    });

    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    // Not in an hour: tried again, and decided again.
    assert_eq!(next(&mut told).await?, 1);
    assert_eq!(next(&mut told).await?, 2);
    worker.stop().await
}
