//! Conditional publishing: of all who race, one wins, whatever the broker does meanwhile.

use std::collections::HashMap;
use std::time::Duration;

use bus::{Bus, Config, Error, Expect, NewRequest};
use domain::{
    AssetExpired, Code, DerivationId, Event, GenerationId, ImageId, ImageReady, ImageRecut, Lane,
    Tenant,
};
use futures::future::{join, join_all};
use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::events::{accepted, calling, completed, failed, failure, image, job, rendered};
use crate::world::{World, header};

#[tokio::test]
async fn of_32_writers_who_expect_the_same_entry_one_wins() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (id, ledger) = (GenerationId::generate(), world.bus.ledger());
    let first = ledger.append(accepted(id)?, 0).await?;

    let writers = (0..32).map(|n| ledger.append(calling(id, &n.to_string()), first));
    let results = join_all(writers).await;

    let won: Vec<u64> = results
        .iter()
        .filter_map(|result| result.as_ref().ok().copied())
        .collect();
    let conflicts = results
        .iter()
        .filter(|result| result.as_ref().is_err_and(Error::is_conflict));
    assert_eq!((won.len(), conflicts.count()), (1, 31));
    let entries = ledger.read(id).await?;
    let sequences: Vec<u64> = entries.iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, [first, won[0]]);
    Ok(())
}

#[tokio::test]
async fn of_racing_ends_each_generation_gets_one() -> anyhow::Result<()> {
    const GENERATIONS: usize = 200;
    let world = World::start().await?;
    let ledger = world.bus.ledger();
    let races = (0..GENERATIONS).map(async |_| {
        let id = GenerationId::generate();
        let start = ledger.append(rendered(id), 0).await?;
        let failed = failed(id, failure(Code::DownloadFailed));
        let (good, bad) = tokio::join!(
            ledger.append(completed(id), start),
            ledger.append(failed, start)
        );
        anyhow::ensure!(good.is_ok() != bad.is_ok(), "{good:?} and {bad:?}");
        let loser = good.err().or(bad.err());
        anyhow::ensure!(loser.as_ref().is_some_and(Error::is_conflict), "{loser:?}");
        let ends = ledger.read(id).await?;
        Ok(ends
            .iter()
            .filter(|entry| entry.event.is_terminal())
            .count())
    });

    let ends: Vec<usize> = join_all(races)
        .await
        .into_iter()
        .collect::<anyhow::Result<_>>()?;

    assert_eq!(ends, [1; GENERATIONS]);
    Ok(())
}

/// What one process tells at the same time goes in batches; those of several cross each other, and a
/// part of each is refused. Whoever is told that it won is in the ledger at the place it was told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_batches_that_cross_each_entry_is_somebodys() -> anyhow::Result<()> {
    const GENERATIONS: usize = 500;
    let world = World::start().await?;
    let mut far = Vec::new();
    for _ in 0..4 {
        let config = Config::plain(world.server.url(), "far");
        far.push(Bus::connect(&config).await?);
    }
    let ids: Vec<_> = (0..GENERATIONS).map(|_| GenerationId::generate()).collect();
    let mut appends = JoinSet::new();
    for (bus, token) in far.iter().zip(["a", "b", "c", "d"]) {
        for id in ids.clone() {
            let ledger = bus.ledger();
            appends.spawn(async move { (id, token, ledger.append(calling(id, token), 0).await) });
        }
    }

    let mut winners = HashMap::new();
    for (id, token, result) in appends.join_all().await {
        match result {
            Ok(sequence) => assert_eq!(winners.insert(id, (sequence, token)), None, "{id}"),
            Err(Error::Conflict { .. }) => {}
            Err(err) => return Err(err.into()),
        }
    }

    assert_eq!(world.messages("EVENTS").await?.len(), GENERATIONS);
    for id in ids {
        let entries = world.bus.ledger().read(id).await?;
        let told: Vec<_> = entries
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Calling(calling) => Some((entry.sequence, calling.token.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(told, [winners[&id]]);
    }
    Ok(())
}

/// Two writers race for each of 1,000 ledgers while the broker is killed ten times in the middle of
/// it. Whoever is told "stored" is the one in the ledger; whoever is told "conflict" is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_append_is_lost_or_orphaned_when_the_broker_is_killed() -> anyhow::Result<()> {
    const KILLS: usize = 10;
    const RACES: usize = 100;
    let mut world = World::start().await?;
    let mut appends = JoinSet::new();
    for _ in 0..KILLS {
        let start = world.messages_stored().await?;
        for _ in 0..RACES {
            let id = GenerationId::generate();
            for token in ["a", "b"] {
                let ledger = world.bus.ledger();
                appends
                    .spawn(async move { (id, token, ledger.append(calling(id, token), 0).await) });
            }
        }
        // Some are stored, most are on their way.
        testkit::wait_until(
            Duration::from_secs(20),
            "the first to be stored",
            async || {
                world
                    .messages_stored()
                    .await
                    .is_ok_and(|stored| stored > start)
            },
        )
        .await?;
        world.server.kill().await?;
        world.server.restart().await?;
    }

    let mut winners = HashMap::new();
    let mut conflicts = 0;
    for (id, token, result) in appends.join_all().await {
        match result {
            Ok(sequence) => {
                let other = winners.insert(id, (sequence, token));
                assert_eq!(other, None, "both were told that they won {id}");
            }
            Err(Error::Conflict { .. }) => conflicts += 1,
            Err(err) => return Err(err.into()),
        }
    }
    assert_eq!((winners.len(), conflicts), (KILLS * RACES, KILLS * RACES));
    let stored = world.messages("EVENTS").await?;
    assert_eq!(
        stored.len(),
        KILLS * RACES,
        "every race is in the stream once"
    );
    for message in stored {
        let id = header(&message, "ce-subject").unwrap_or_default().parse()?;
        let (sequence, token) = winners[&id];
        let expected = format!("generation-calling-{id}-{token}");
        assert_eq!(
            (message.sequence, header(&message, "ce-id")),
            (sequence, Some(&*expected))
        );
    }
    Ok(())
}

impl World {
    async fn messages_stored(&self) -> anyhow::Result<u64> {
        Ok(self
            .outside
            .get_stream("EVENTS")
            .await?
            .cached_info()
            .state
            .messages)
    }
}

#[tokio::test]
async fn an_event_that_must_be_the_first_is_refused_after_any_other_of_its_kind()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let one: Event = calling(id, "one").into();
    let other: Event = calling(id, "other").into();
    world
        .bus
        .publish(&rendered(id).into(), &Expect::First)
        .await?;

    world.bus.publish(&one, &Expect::First).await?;
    let refused = world.bus.publish(&other, &Expect::First).await;

    assert!(refused.is_err_and(|err| err.is_conflict()));
    Ok(())
}

#[tokio::test]
async fn news_of_a_picture_that_was_deleted_is_refused() -> anyhow::Result<()> {
    let world = World::start().await?;
    let ready = |id| {
        Event::from(ImageReady {
            job: job(id),
            derivation: None,
            image: image(id),
            at: Timestamp::UNIX_EPOCH,
        })
    };
    let expect = |id| Expect::NoneOn(wire::subject::asset(ImageId::of(id, 0)));
    let (kept, deleted) = (GenerationId::generate(), GenerationId::generate());
    let subject = format!("asset.deleted.{}", ImageId::of(deleted, 0));
    world.outside.publish(subject, "{}".into()).await?.await?;

    world.bus.publish(&ready(kept), &expect(kept)).await?;
    let refused = world.bus.publish(&ready(deleted), &expect(deleted)).await;

    assert!(refused.is_err_and(|err| err.is_conflict()));
    Ok(())
}

#[tokio::test]
async fn of_two_who_know_the_same_of_a_picture_one_is_heard_and_removal_is_the_last_word()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let picture = ImageId::of(id, 0);
    let ready = || {
        Event::from(ImageReady {
            job: job(id),
            derivation: Some(DerivationId::generate()),
            image: image(id),
            at: Timestamp::UNIX_EPOCH,
        })
    };
    let told = async |event: Event, last| {
        let told = world.bus.publish(&event, &Expect::PictureAt(last)).await;
        match told {
            Ok(sequence) => anyhow::Ok(Some(sequence)),
            Err(err) if err.is_conflict() => Ok(None),
            Err(err) => Err(err.into()),
        }
    };

    let (one, other) = join(told(ready(), 0), told(ready(), 0)).await;
    let heard = [one?, other?].into_iter().flatten().collect::<Vec<_>>();
    let [first] = heard[..] else {
        anyhow::bail!("one of the two is heard: {heard:?}")
    };
    assert!(told(ready(), 0).await?.is_none());
    let second = told(ready(), first).await?;
    let known = world.bus.ledger().picture(picture).await?;
    assert_eq!(known.last().map(|entry| entry.sequence), second);

    let removal = Event::from(AssetExpired {
        id,
        tenant: Tenant::default(),
        image: picture,
        reason: "retention".to_owned(),
        at: Timestamp::UNIX_EPOCH,
    });
    world.bus.publish(&removal, &Expect::Nothing).await?;
    assert!(told(ready(), second.unwrap_or(0)).await?.is_none());
    let known = world.bus.ledger().picture(picture).await?;
    let names: Vec<_> = known.iter().map(|entry| entry.event.name()).collect();
    assert_eq!(names, ["image.ready", "asset.expired"]);
    Ok(())
}

#[tokio::test]
async fn more_cuts_of_a_picture_are_ordered_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let recut = ImageRecut {
        job: job(id),
        image: image(id),
        derivation: DerivationId::of_key(&Tenant::default(), "summer"),
        presets: vec!["og-image".into()],
        at: Timestamp::UNIX_EPOCH,
    };
    for _ in 0..2 {
        world.bus.recut(recut.clone()).await?;
    }

    let subject = format!("due.process.{}-{}", recut.image.id, recut.derivation);
    let work = world.outside.get_stream("WORK").await?;
    assert_eq!(work.cached_info().state.messages, 1);
    let stored = work.get_last_raw_message_by_subject(&subject).await?;
    assert_eq!(
        stored.headers.get("ce-type").map(|name| name.as_str()),
        Some("image.recut")
    );
    Ok(())
}

#[tokio::test]
async fn the_ledger_reads_one_generation_and_in_order() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (id, other, ledger) = (
        GenerationId::generate(),
        GenerationId::generate(),
        world.bus.ledger(),
    );
    assert!(ledger.read(id).await?.is_empty());
    assert!(ledger.accepted(id).await?.is_none());

    let mut last = 0;
    for event in [
        accepted(id)?.into(),
        calling(id, "t").into(),
        Event::from(rendered(id)),
    ] {
        last = ledger.append(event, last).await?;
        ledger.append(accepted(other)?, 0).await.ok();
    }

    let entries = ledger.read(id).await?;
    let names: Vec<_> = entries.iter().map(|entry| entry.event.name()).collect();
    assert_eq!(
        names,
        [
            "generation.accepted",
            "generation.calling",
            "generation.rendered"
        ]
    );
    assert_eq!(entries.last().map(|entry| entry.sequence), Some(last));
    assert_eq!(ledger.accepted(id).await?, Some(accepted(id)?));
    Ok(())
}

#[tokio::test]
async fn a_request_at_the_door_is_found_by_its_name_and_stands_there_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let request = NewRequest {
        id,
        tenant: "acme".parse()?,
        api_key: None,
        lane: Lane::Interactive,
        content_type: "application/json",
        body: "{}".into(),
    };
    assert!(world.bus.ledger().at_the_door(id).await?.is_none());

    world.bus.request(request.clone()).await?;
    world.bus.request(request).await?;

    let found = world.bus.ledger().at_the_door(id).await?;
    let found = found.map(|found| (found.id, found.named, found.tenant, found.lane));
    assert_eq!(
        found,
        Some((id, true, "acme".parse::<Tenant>()?, Some(Lane::Interactive)))
    );
    assert_eq!(world.messages("INTAKE").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_full_door_says_so() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut door = world
        .outside
        .get_stream("INTAKE")
        .await?
        .cached_info()
        .config
        .clone();
    door.max_bytes = 1_000;
    world.outside.update_stream(door).await?;
    let request = |body: String| NewRequest {
        id: GenerationId::generate(),
        tenant: Tenant::default(),
        api_key: None,
        lane: Lane::Standard,
        content_type: "application/json",
        body: body.into(),
    };
    world.bus.request(request("x".repeat(500))).await?;

    let refused = world.bus.request(request("x".repeat(500))).await;

    assert!(matches!(refused, Err(Error::Full { .. })), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_hides_no_other_and_is_counted() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (id, ledger) = (GenerationId::generate(), world.bus.ledger());
    let first = ledger.append(rendered(id), 0).await?;
    let subject = format!("generation.calling.{id}");
    let by_hand = world.outside.publish(subject.clone(), "{}".into());
    let unknown = by_hand.await?.await?.sequence;

    let page = ledger.page(id).await?;

    assert_eq!(page.entries.len(), 1);
    assert_eq!(page.entries[0].sequence, first);
    let found = &page.unreadable[0];
    assert_eq!((found.sequence, &found.subject), (unknown, &subject));
    assert_eq!(ledger.read(id).await?.len(), 1);
    // Whoever overlooks it cannot write after it.
    let refused = ledger.append(completed(id), first).await;
    assert!(refused.is_err_and(|err| err.is_conflict()));
    Ok(())
}
