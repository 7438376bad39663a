use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use bus::{Error, Stage, drift, provision};

use crate::world::{POLICY, Running, Script, World};

#[tokio::test]
async fn provisioning_again_changes_nothing() -> anyhow::Result<()> {
    let world = World::start().await?;
    let before = world
        .outside
        .get_stream("EVENTS")
        .await?
        .cached_info()
        .config
        .clone();
    let consumer = world.consumer("EVENTS", "upload").await?;

    provision(&world.bus, 1).await?;

    assert_eq!(
        world
            .outside
            .get_stream("EVENTS")
            .await?
            .cached_info()
            .config,
        before
    );
    let again = world.consumer("EVENTS", "upload").await?;
    assert_eq!(
        (again.created, again.config),
        (consumer.created, consumer.config)
    );
    assert_eq!(drift(&world.bus).await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn what_was_changed_by_hand_is_told_and_provisioning_puts_it_right() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut config = world
        .outside
        .get_stream("EVENTS")
        .await?
        .cached_info()
        .config
        .clone();
    config.max_age = Duration::from_secs(3600);
    config.subjects.retain(|subject| subject != "budget.*.*");
    world.outside.update_stream(config).await?;

    let told = drift(&world.bus).await?;

    assert_eq!(
        told,
        [
            "stream EVENTS has another list of subjects than declared",
            "stream EVENTS has another age limit than declared",
        ]
    );
    provision(&world.bus, 1).await?;
    assert_eq!(drift(&world.bus).await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_consumer_that_was_changed_by_hand_is_told_and_put_right() -> anyhow::Result<()> {
    let world = World::start().await?;
    let stream = world.outside.get_stream("EVENTS").await?;
    let found = world.consumer("EVENTS", "upload").await?.config;
    let changed = pull::Config {
        durable_name: found.durable_name,
        ack_policy: found.ack_policy,
        max_deliver: found.max_deliver,
        max_waiting: found.max_waiting,
        filter_subject: "generation.*.*".to_owned(),
        ack_wait: Duration::from_secs(7),
        max_ack_pending: 3,
        ..pull::Config::default()
    };
    stream.update_consumer(changed).await?;

    let told = drift(&world.bus).await?;

    assert_eq!(
        told,
        [
            "consumer upload has another list of subjects than declared",
            "consumer upload has another acknowledgement wait than declared",
            "consumer upload has another limit of open messages than declared",
        ]
    );
    provision(&world.bus, 1).await?;
    assert_eq!(drift(&world.bus).await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_consumer_that_is_missing_is_named_and_one_that_is_deleted_ends_its_worker()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let idle = || Script::<domain::Rendered>::new(|_, _| async { Ok(bus::Step::done()) });
    let worker = Running::start(&world.bus, Stage::Upload, POLICY, idle());
    let stream = world.outside.get_stream("EVENTS").await?;
    testkit::wait_until(crate::world::LIMIT, "the worker to pull", async || {
        world
            .consumer("EVENTS", "upload")
            .await
            .is_ok_and(|info| info.num_waiting > 0)
    })
    .await?;

    stream.delete_consumer("upload").await?;

    assert!(matches!(worker.ended().await?, Err(Error::Gone("upload"))));
    let missing = Running::start(&world.bus, Stage::Upload, POLICY, idle())
        .ended()
        .await?;
    assert!(matches!(missing, Err(Error::Provision { what, .. }) if what == "upload"));
    assert!(
        matches!(drift(&world.bus).await, Err(Error::Provision { what, .. }) if what == "upload")
    );
    Ok(())
}

#[tokio::test]
async fn what_an_earlier_version_read_with_is_removed_and_its_name_stays_ours() -> anyhow::Result<()>
{
    let world = World::start().await?;
    let stream = world.outside.get_stream("EVENTS").await?;
    let left_over = pull::Config {
        durable_name: Some("record".to_owned()),
        ..pull::Config::default()
    };
    stream.create_consumer(left_over).await?;

    provision(&world.bus, 1).await?;

    let gone = world.consumer("EVENTS", "record").await;
    assert!(gone.is_err(), "{gone:?}");
    let refused = world.bus.subscribe("record", Vec::new()).await;
    assert!(
        matches!(refused, Err(Error::Provision { .. })),
        "{refused:?}"
    );
    Ok(())
}
