//! What is let in, what is not, and under which name.

use anyhow::Context;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::pull;
use domain::{Billed, Code, Event, Failed, GenerationId, Lane, Phase, Tenant};
use futures::StreamExt;
use jiff::Timestamp;
use serde_json::json;
use wire::Encoding;

use crate::world::{PATIENCE, Setup, World, named};

/// Hears of refusals as people do who type `nats sub`.
struct Refusals(async_nats::Subscriber);

impl Refusals {
    async fn listen(world: &World) -> anyhow::Result<Self> {
        let heard = world.client.subscribe("generation.failed").await?;
        world.client.flush().await?;
        Ok(Self(heard))
    }

    async fn next(&mut self) -> anyhow::Result<Failed> {
        let message = tokio::time::timeout(PATIENCE, self.0.next())
            .await?
            .context("closed")?;
        match wire::decode("generation.failed", Encoding::Json, &message.payload)? {
            Event::Failed(failed) => Ok(*failed),
            other => anyhow::bail!("unexpected {other:?}"),
        }
    }
}

fn with(field: &str, value: serde_json::Value) -> Vec<u8> {
    let mut request = json!({ "prompt": "a kite" });
    request[field] = value;
    request.to_string().into_bytes()
}

#[tokio::test]
async fn bad_requests_are_refused_by_the_name_of_the_field_and_cost_nothing() -> anyhow::Result<()>
{
    let world = World::start(Setup::default().env("DARKROOM_PROVIDER_LIMIT", "4")).await?;
    let mut refusals = Refusals::listen(&world).await?;
    let proto = Some("application/protobuf");
    let table: Vec<(Option<&str>, Vec<u8>, Code, &str)> = vec![
        (
            None,
            with("colour", json!("red")),
            Code::UnknownField,
            "colour",
        ),
        (
            None,
            with("numImages", json!("two")),
            Code::InvalidField,
            "numImages",
        ),
        (
            None,
            with("numImages", json!(0)),
            Code::InvalidField,
            "numImages",
        ),
        (
            None,
            with("numImages", json!(9)),
            Code::InvalidField,
            "numImages",
        ),
        (
            None,
            with("numImages", json!(5)),
            Code::Unsupported,
            "numImages",
        ),
        (
            None,
            with("prompt", json!("")),
            Code::InvalidField,
            "prompt",
        ),
        (
            None,
            with("prompt", json!("x".repeat(10_001))),
            Code::InvalidField,
            "prompt",
        ),
        (None, b"{}".to_vec(), Code::MissingField, "prompt"),
        (None, with("seed", json!(-1)), Code::InvalidField, "seed"),
        (
            None,
            with("seed", json!(2_147_483_648_u64)),
            Code::InvalidField,
            "seed",
        ),
        (
            None,
            with("aspectRatio", json!("wide")),
            Code::InvalidField,
            "aspectRatio",
        ),
        (
            None,
            with("aspectRatio", json!("ASPECT_7_5")),
            Code::Unsupported,
            "aspectRatio",
        ),
        (
            None,
            with("model", json!("V_9")),
            Code::InvalidField,
            "model",
        ),
        (
            None,
            with("presets", json!(["poster"])),
            Code::InvalidField,
            "presets",
        ),
        (
            None,
            with("callbackUrl", json!("ftp://a.test/")),
            Code::InvalidField,
            "callbackUrl",
        ),
        (
            None,
            with("onUnknown", json!("guess")),
            Code::InvalidField,
            "onUnknown",
        ),
        (None, b"{\"prompt\":".to_vec(), Code::InvalidBody, "body"),
        (None, b"[]".to_vec(), Code::InvalidBody, "body"),
        (None, Vec::new(), Code::InvalidBody, "body"),
        (proto, vec![0xff; 20], Code::InvalidBody, "body"),
        (
            Some("text/plain"),
            b"a kite".to_vec(),
            Code::UnsupportedMediaType,
            "body",
        ),
    ];
    for (content_type, body, code, field) in table {
        let what = String::from_utf8_lossy(&body)
            .chars()
            .take(60)
            .collect::<String>();
        world
            .publish("generation.requested", content_type, body)
            .await?;
        let failed = refusals.next().await?;
        let failure = &failed.failure;

        assert_eq!(failure.code, code, "{what}: {failure:?}");
        assert!(
            failure.message.starts_with(&format!("`{field}`")),
            "{what}: {failure:?}"
        );
        assert_eq!(
            (failure.phase, failure.billed),
            (Phase::Admission, Billed::No),
            "{what}"
        );
        assert_eq!(world.track(failed.id).await?, "failed", "{what}");
    }
    // The next one is served.
    let id = world.ask("kite", json!({ "aspectRatio": "16:9" })).await?;
    world.rendered(id).await?;
    assert_eq!(
        (world.sim.bill().len(), world.messages("DEAD").await?),
        (1, 0)
    );
    world.stop().await
}

#[tokio::test]
async fn a_request_keeps_its_name_when_it_is_delivered_again() -> anyhow::Result<()> {
    let mut world = World::without_generator(Setup::default()).await?;
    world
        .publish("generation.requested", None, r#"{"prompt":"kite"}"#)
        .await?;
    let intake = world.jetstream.get_stream("INTAKE").await?;
    let door = intake
        .get_consumer::<pull::Config>("admit")
        .await
        .map_err(anyhow::Error::from_boxed)?;
    let mut taken = door
        .fetch()
        .max_messages(1)
        .messages()
        .await
        .map_err(anyhow::Error::new)?;
    let message = taken
        .next()
        .await
        .context("no message")?
        .map_err(anyhow::Error::from_boxed)?;
    let info = message.info().map_err(anyhow::Error::from_boxed)?;
    let stored = Timestamp::from_nanosecond(info.published.unix_timestamp_nanos())?;
    let id = GenerationId::of_message("INTAKE", info.stream_sequence, stored);
    message
        .ack_with(AckKind::Nak(None))
        .await
        .map_err(anyhow::Error::from_boxed)?;

    world.join()?;
    let rendered = world.rendered(id).await?;
    assert_eq!(rendered.job.accepted_at, stored);
    assert_eq!(world.sim.bill().len(), 1);
    world.stop().await
}

#[tokio::test]
async fn the_gateways_name_for_a_request_is_kept_and_served_once() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let id = GenerationId::generate();
    let request = || bus::NewRequest {
        id,
        tenant: Tenant::default(),
        api_key: None,
        lane: Lane::Standard,
        content_type: "application/json",
        body: r#"{"prompt":"kite","customId":"mine"}"#.into(),
    };
    world.bus.request(request()).await?;
    let rendered = world.rendered(id).await?;
    assert_eq!(rendered.job.custom_id.as_deref(), Some("mine"));

    // Once as the same message, once as another one.
    world.bus.request(request()).await?;
    let again = request();
    world
        .publish(
            &format!("generation.requested.standard.{id}"),
            None,
            again.body,
        )
        .await?;
    testkit::wait_until(PATIENCE, "an empty door", async || {
        world
            .messages("INTAKE")
            .await
            .is_ok_and(|messages| messages == 0)
    })
    .await?;

    assert_eq!(
        world.track(id).await?,
        "accepted calling submitted rendered"
    );
    assert_eq!(
        (world.count(id, "calling").await?, world.sim.bill().len()),
        (1, 1)
    );
    world.stop().await
}

#[tokio::test]
async fn one_custom_id_is_one_generation_and_another_request_under_it_is_refused()
-> anyhow::Result<()> {
    let world = World::start(Setup::slow()).await?;
    let mut refusals = Refusals::listen(&world).await?;
    let ask = async |body: &str| world.publish("generation.requested", None, body).await;
    ask(r#"{"prompt":"kite","customId":"poster"}"#).await?;
    ask(r#"{"prompt":"kite","customId":"poster"}"#).await?;
    let id = named("poster");
    world.until(id, "submitted").await?;

    ask(r#"{"prompt":"boat","customId":"poster"}"#).await?;
    let conflict = refusals.next().await?;
    assert_eq!(conflict.failure.code, Code::Conflict);
    assert_eq!(conflict.custom_id.as_deref(), Some("poster"));
    assert_ne!(conflict.id, id);

    // Also a bad request does not speak for the good one, and is not silently dropped.
    ask(r#"{"prompt":"kite","customId":"poster","numImages":0}"#).await?;
    let invalid = refusals.next().await?;
    assert_eq!(invalid.failure.code, Code::InvalidField);
    assert!(invalid.id != id && invalid.id != conflict.id);

    world.finish_drawing(id).await?;
    assert_eq!(
        (world.count(id, "calling").await?, world.sim.bill().len()),
        (1, 1)
    );
    world.stop().await
}

#[tokio::test]
async fn a_shape_that_is_left_open_is_the_one_that_serves_the_presets_best() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    for (prompt, fields, ratio) in [
        (
            "header",
            json!({ "presets": ["twitter-header"] }),
            "ASPECT_3_1",
        ),
        (
            "said",
            json!({ "presets": ["twitter-header"], "aspectRatio": "4x5" }),
            "ASPECT_4_5",
        ),
        ("any", json!({ "presets": ["thumbnail"] }), "ASPECT_1_1"),
        ("unnamed", json!({}), "ASPECT_1_1"),
        ("none", json!({ "presets": [] }), "ASPECT_1_1"),
    ] {
        let id = world.ask(prompt, fields).await?;
        let Event::Accepted(accepted) = world.until(id, "accepted").await? else {
            anyhow::bail!("not accepted");
        };
        let found = accepted
            .job
            .request
            .aspect_ratio
            .map(|ratio| ratio.to_string());
        assert_eq!(found.as_deref(), Some(ratio), "{prompt}");
    }
    let bad = json!({ "presets": [{ "preset": "og-image", "gravity": "upwards" }] });
    let id = world.ask("upwards", bad).await?;
    let failed = world.failed(id).await?;
    assert_eq!(failed.failure.code, Code::InvalidField);
    assert!(
        failed.failure.message.contains("gravity"),
        "{}",
        failed.failure.message
    );
    world.stop().await
}
