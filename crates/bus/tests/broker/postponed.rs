//! Work that is put off: it waits in the broker, as itself, and comes back.

use std::collections::BTreeSet;

use bus::{Emit, Fault, NewRequest, Requested, Stage, Step, Wait};
use domain::{Code, Event, GenerationId, Lane};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use crate::events::{accepted, completed, failure, rendered};
use crate::world::{LIMIT, POLICY, Running, Script, World, next};

fn soon() -> Timestamp {
    Timestamp::now() + SignedDuration::from_millis(300)
}

fn wait(until: Timestamp) -> Step {
    Step::Wait(Wait {
        until,
        counts: false,
        emit: Vec::new(),
    })
}

#[tokio::test]
async fn waiting_uses_no_attempts() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let cause = world.bus.ledger().append(rendered(id), 0).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = Script::<domain::Rendered>::new(move |_, delivery| {
        tell.send((Timestamp::now(), delivery)).ok();
        async { Ok(wait(soon())) }
    });

    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    let (mut before, _) = next(&mut told).await?;
    for _ in 0..POLICY.attempts + 1 {
        let (at, delivery) = next(&mut told).await?;
        assert_eq!((delivery.attempt, delivery.cause), (1, cause));
        assert!(
            at.duration_since(before) >= SignedDuration::from_millis(300),
            "came too early"
        );
        before = at;
    }
    worker.stop().await
}

#[tokio::test]
async fn a_wait_survives_the_death_of_the_broker() -> anyhow::Result<()> {
    let mut world = World::start().await?;
    let id = GenerationId::generate();
    world.bus.ledger().append(rendered(id), 0).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = Script::<domain::Rendered>::new(move |_, _| {
        tell.send(()).ok();
        async { Ok(wait(Timestamp::now() + SignedDuration::from_secs(1))) }
    });
    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);
    next(&mut told).await?;
    world.settled("EVENTS", "upload", 1).await?;

    world.server.kill().await?;
    world.server.restart().await?;

    next(&mut told).await?;
    worker.stop().await
}

/// The notifier holds back the news that all is ready until the receiver has taken the news that it
/// is complete: two events of one generation that wait at one time.
#[tokio::test]
async fn two_events_of_one_generation_wait_side_by_side() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (id, ledger) = (GenerationId::generate(), world.bus.ledger());
    let last = ledger.append(completed(id), 0).await?;
    let ready = domain::Ready {
        texts: Vec::new(),
        job: crate::events::job(id),
        images: Vec::new(),
        cost: domain::Usd::ZERO,
        at: Timestamp::UNIX_EPOCH,
    };
    ledger.append(ready, last).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = Script::<Event>::new(move |event, delivery| {
        tell.send((delivery.attempt, event.name())).ok();
        async move {
            match delivery.attempt {
                1 => Err(Fault::transient("nobody there", failure(Code::Internal))),
                _ => Ok(Step::done()),
            }
        }
    });

    let worker = Running::start(&world.bus, Stage::Notify, POLICY, handler);

    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(next(&mut told).await?);
    }
    seen.sort_unstable();
    assert_eq!(
        seen,
        [
            (1, "generation.completed"),
            (1, "generation.ready"),
            (2, "generation.completed"),
            (2, "generation.ready"),
        ]
    );
    worker.stop().await
}

/// Otherwise one request could be accepted, and paid for, under two names.
#[tokio::test]
async fn requests_that_are_put_off_keep_their_names_and_none_is_lost() -> anyhow::Result<()> {
    let world = World::start().await?;
    let named = GenerationId::generate();
    for prompt in ["one", "two"] {
        world
            .outside
            .publish("generation.requested", prompt.into())
            .await?
            .await?;
    }
    let request = NewRequest {
        id: named,
        tenant: "acme".parse()?,
        api_key: None,
        lane: Lane::Background,
        content_type: "application/json",
        body: "three".into(),
    };
    world.bus.request(request).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = Script::<Requested>::new(move |request, delivery| {
        tell.send((delivery.attempt, request)).ok();
        async move {
            match delivery.attempt {
                POLICY_ATTEMPTS => Ok(Step::done()),
                _ => Err(Fault::transient("not now", failure(Code::Internal))),
            }
        }
    });

    let worker = Running::start(&world.bus, Stage::Admit, POLICY, handler);

    let mut seen = BTreeSet::new();
    let mut attempts = [0; POLICY_ATTEMPTS as usize];
    for _ in 0..3 * POLICY_ATTEMPTS {
        let (attempt, request) = next(&mut told).await?;
        attempts[attempt as usize - 1] += 1;
        assert_eq!(request.named, request.id == named);
        let lane = (request.id == named).then_some(Lane::Background);
        assert_eq!(request.lane, lane);
        seen.insert((
            request.body.to_vec(),
            request.id,
            request.tenant,
            request.stored_at,
        ));
    }
    assert_eq!(attempts, [3; POLICY_ATTEMPTS as usize]);
    assert_eq!(
        seen.len(),
        3,
        "each request is one and the same each time: {seen:?}"
    );
    worker.stop().await
}

const POLICY_ATTEMPTS: u32 = POLICY.attempts;

/// Their headers are anybody's: they may not use up attempts, nor take another's name.
#[tokio::test]
async fn a_users_headers_are_not_believed() -> anyhow::Result<()> {
    let world = World::start().await?;
    let others = GenerationId::generate();
    let mut headers = async_nats::HeaderMap::new();
    let origin = format!("generation.requested.interactive.{others}");
    headers.insert("Darkroom-Attempt", "1000");
    headers.insert("Darkroom-Cause", "7");
    headers.insert("Darkroom-Origin", origin.as_str());
    headers.insert("Darkroom-Stored", "INTAKE 7 2026-01-01T00:00:00Z");
    let subject = "generation.requested";
    world
        .outside
        .publish_with_headers(subject, headers, "{}".into())
        .await?
        .await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = Script::<Requested>::new(move |request, delivery| {
        tell.send((request, delivery.attempt, delivery.cause)).ok();
        async { Err(Fault::transient("not now", failure(Code::Internal))) }
    });

    let worker = Running::start(&world.bus, Stage::Admit, POLICY, handler);

    for expected in 1..=2 {
        let (request, attempt, cause) = next(&mut told).await?;
        assert_eq!((attempt, cause, request.named), (expected, 0, false));
        assert_ne!(request.id, others);
    }
    worker.stop().await
}

#[tokio::test]
async fn a_work_item_reaches_its_stage_with_its_cause_and_stays_one() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let cause = world.bus.ledger().append(rendered(id), 0).await?;
    let accepted = accepted(id)?;
    let work = accepted.clone();
    let upload = Script::<domain::Rendered>::new(move |_, delivery| {
        let emit = Emit::Work {
            stage: Stage::Generate,
            key: format!("standard.{id}"),
            event: Box::new(work.clone().into()),
            cause: delivery.cause,
        };
        async move { Ok(Step::Emit(vec![emit.clone(), emit])) }
    });
    let (tell, mut told) = mpsc::unbounded_channel();
    let generate = Script::<domain::Accepted>::new(move |input, delivery| {
        tell.send((input, delivery.cause, delivery.attempt)).ok();
        async move {
            match delivery.attempt {
                1 => Err(Fault::transient("not now", failure(Code::Internal))),
                _ => Ok(Step::done()),
            }
        }
    });
    let workers = (
        Running::start(&world.bus, Stage::Upload, POLICY, upload),
        Running::start(&world.bus, Stage::Generate, POLICY, generate),
    );

    for attempt in 1..=2 {
        assert_eq!(next(&mut told).await?, (accepted.clone(), cause, attempt));
    }
    world.settled("WORK", "generate-due", 2).await?;
    testkit::wait_until(LIMIT, "WORK to be empty", async || {
        world
            .messages("WORK")
            .await
            .is_ok_and(|messages| messages.is_empty())
    })
    .await?;
    workers.0.stop().await?;
    workers.1.stop().await
}

/// Wherever it waits, and also while it goes from one place to the other.
#[tokio::test]
async fn a_request_that_waits_still_stands_at_the_door() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = Script::<Requested>::new(move |_, _| {
        tell.send(()).ok();
        async { Ok(wait(soon())) }
    });
    let request = NewRequest {
        id,
        tenant: "acme".parse()?,
        api_key: None,
        lane: Lane::Standard,
        content_type: "application/json",
        body: "{}".into(),
    };
    world.bus.request(request).await?;
    let own = r#"{"prompt":"mine"}"#;
    let asked = world.outside.publish("generation.requested", own.into());
    asked.await?.await?;

    let worker = Running::start(&world.bus, Stage::Admit, POLICY, handler);
    let ledger = world.bus.ledger();
    for _ in 0..6 {
        next(&mut told).await?;
        for _ in 0..10 {
            let found = ledger.at_the_door(id).await?;
            assert_eq!(found.map(|found| found.tenant), Some("acme".parse()?));
            let found = ledger.find_at_the_door(|found| found.body == own).await?;
            assert!(found.is_some_and(|found| !found.named));
        }
    }
    assert!(
        ledger
            .at_the_door(GenerationId::generate())
            .await?
            .is_none()
    );
    worker.stop().await
}
