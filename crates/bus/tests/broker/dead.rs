//! Dead letters: found, read, put back once their cause is gone, thrown away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::HeaderMap;
use bus::{DeadFilter, DeadLetter, Error, Fault, Policy, Requested, Stage, Step};
use domain::{Code, GenerationId, Lane, Rendered, Tenant};
use tokio::sync::mpsc;

use crate::events::{completed, failure, rendered};
use crate::world::{LIMIT, POLICY, Running, Script, World, next};

/// One attempt only: what fails is given up at once.
const STRICT: Policy = Policy {
    attempts: 1,
    ..POLICY
};

const ALL: DeadFilter = DeadFilter {
    stage: None,
    after_sequence: 0,
    limit: 100,
};

/// The dead letters, once there are `count`.
async fn letters(world: &World, count: usize) -> anyhow::Result<Vec<DeadLetter>> {
    testkit::wait_for(LIMIT, "the dead letters", async || {
        let letters = world.bus.dead_letters(ALL).await.ok()?;
        (letters.len() == count).then_some(letters)
    })
    .await
}

#[tokio::test]
async fn what_cannot_be_handled_is_listed_replayed_and_then_handled() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let cause = world.bus.ledger().append(rendered(id), 0).await?;
    let away = Arc::new(AtomicBool::new(true));
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = {
        let away = Arc::clone(&away);
        Script::<Rendered>::new(move |input, delivery| {
            tell.send((input.clone(), delivery.clone())).ok();
            let away = away.load(Ordering::Relaxed);
            async move {
                match away {
                    true => Err(Fault::transient("disk full", failure(Code::StoreFailed))),
                    false => Ok(Step::emit(
                        completed(input.job.id),
                        bus::Expect::after(&delivery),
                    )),
                }
            }
        })
    };
    let worker = Running::start(&world.bus, Stage::Upload, STRICT, handler);
    next(&mut told).await?;
    let letters = letters(&world, 1).await?;
    let letter = &letters[0];
    assert_eq!(
        (letter.stage.as_str(), &letter.key),
        ("upload", &id.to_string())
    );
    assert_eq!(letter.reason, "told as store_failed");
    assert_eq!(letter.origin, format!("generation.rendered.{id}"));
    assert!(
        letter
            .headers
            .contains(&("ce-type".into(), "generation.rendered".into()))
    );
    assert_eq!(&world.bus.dead_letter(letter.sequence).await?, letter);

    away.store(false, Ordering::Relaxed);
    world.bus.replay_dead(letter.sequence).await?;

    let (input, delivery) = next(&mut told).await?;
    assert_eq!(input, rendered(id));
    assert_eq!((delivery.attempt, delivery.cause), (1, cause));
    world.settled("WORK", "upload-due", 1).await?;
    let entries = world.bus.ledger().read(id).await?;
    assert!(
        entries
            .last()
            .is_some_and(|entry| entry.event.is_terminal())
    );
    assert_eq!(world.bus.dead_letters(ALL).await?, []);
    let again = world.bus.replay_dead(letter.sequence).await;
    assert!(matches!(again, Err(Error::Absent { .. })), "{again:?}");
    worker.stop().await
}

#[tokio::test]
async fn a_request_that_is_replayed_keeps_its_name_its_tenant_and_its_lane() -> anyhow::Result<()> {
    let world = World::start().await?;
    let away = Arc::new(AtomicBool::new(true));
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = {
        let away = Arc::clone(&away);
        Script::<Requested>::new(move |input, _| {
            tell.send(input).ok();
            let away = away.load(Ordering::Relaxed);
            async move {
                match away {
                    true => Err(Fault::transient("no prices", failure(Code::Internal))),
                    false => Ok(Step::done()),
                }
            }
        })
    };
    let worker = Running::start(&world.bus, Stage::Admit, STRICT, handler);
    // A name that is derived from the place of the message, which is another one after the replay.
    let mut headers = HeaderMap::new();
    headers.insert("Darkroom-Tenant", "acme");
    headers.insert("Darkroom-Stored", "EVENTS 1 2020-01-01T00:00:00Z");
    let request = world.outside.publish_with_headers(
        "generation.requested.background",
        headers,
        r#"{"prompt":"a fox"}"#.into(),
    );
    request.await?.await?;
    let first = next(&mut told).await?;
    let letters = letters(&world, 1).await?;

    away.store(false, Ordering::Relaxed);
    world.bus.replay_dead(letters[0].sequence).await?;

    let second = next(&mut told).await?;
    assert_eq!(
        (second.id, second.stored_at, &second.body),
        (first.id, first.stored_at, &first.body)
    );
    let acme: Tenant = "acme".parse()?;
    assert_eq!((second.tenant, second.lane), (acme, Some(Lane::Background)));
    worker.stop().await
}

#[tokio::test]
async fn letters_are_found_by_stage_and_page_by_page_and_thrown_away() -> anyhow::Result<()> {
    let world = World::start().await?;
    for (subject, body) in [
        ("dead.upload.one", "1"),
        ("dead.record.two", "2"),
        ("dead.upload.three", "3"),
        ("dead.nobody.four", "4"),
    ] {
        world.outside.publish(subject, body.into()).await?.await?;
    }
    let keys = |letters: Vec<DeadLetter>| -> Vec<String> {
        letters.into_iter().map(|letter| letter.key).collect()
    };

    let upload = DeadFilter {
        stage: Some(Stage::Upload),
        ..ALL
    };
    assert_eq!(
        keys(world.bus.dead_letters(upload).await?),
        ["one", "three"]
    );
    let page = DeadFilter {
        after_sequence: 1,
        limit: 2,
        ..ALL
    };
    assert_eq!(keys(world.bus.dead_letters(page).await?), ["two", "three"]);

    // The historian reads events by itself, and nobody is nobody.
    for sequence in [2, 4] {
        let refused = world.bus.replay_dead(sequence).await;
        assert!(
            matches!(refused, Err(Error::Unreplayable { .. })),
            "{refused:?}"
        );
    }
    world.bus.discard_dead(4).await?;
    let again = world.bus.discard_dead(4).await;
    assert!(matches!(again, Err(Error::Absent { .. })), "{again:?}");
    assert_eq!(
        keys(world.bus.dead_letters(ALL).await?),
        ["one", "two", "three"]
    );
    Ok(())
}
