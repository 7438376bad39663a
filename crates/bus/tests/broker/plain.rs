//! What those see who type `nats sub`.

use bus::{Expect, Stage, Step, trace};
use domain::{Code, Event, GenerationId, ImageReady, Ready, Usd};
use futures::StreamExt;
use jiff::Timestamp;

use crate::events::{accepted, calling, completed, failed, failure, image, job, rendered};
use crate::world::{LIMIT, POLICY, Running, Script, World, header};

#[tokio::test]
async fn public_events_have_plain_copies_and_none_knows_where_to_call_back() -> anyhow::Result<()> {
    let world = World::start().await?;
    let client = world.server.client().await?;
    let mut generations = client.subscribe("generation.*").await?;
    let mut images = client.subscribe("image.*").await?;
    client.flush().await?;
    let (id, other) = (GenerationId::generate(), GenerationId::generate());
    let at = Timestamp::UNIX_EPOCH;
    let events: Vec<Event> = vec![
        accepted(id)?.into(),
        calling(id, "t").into(),
        rendered(id).into(),
        completed(id).into(),
        Ready {
            texts: Vec::new(),
            job: job(id),
            images: Vec::new(),
            cost: Usd::ZERO,
            at,
        }
        .into(),
        failed(other, failure(Code::Cancelled)).into(),
    ];
    for event in &events {
        world.bus.publish(event, &Expect::Nothing).await?;
    }
    let ready = ImageReady {
        job: job(id),
        derivation: None,
        image: image(id),
        at,
    };
    world.bus.publish(&ready.into(), &Expect::First).await?;

    let picture = tokio::time::timeout(LIMIT, images.next()).await?;
    assert_eq!(
        picture.map(|copy| copy.subject.to_string()).as_deref(),
        Some("image.ready")
    );
    let mut seen = Vec::new();
    for _ in 0..3 {
        let copy = tokio::time::timeout(LIMIT, generations.next()).await?;
        let copy = copy.ok_or_else(|| anyhow::anyhow!("the subscription ended"))?;
        let body = String::from_utf8(copy.payload.to_vec())?;
        assert!(
            !body.contains("callbackUrl") && !body.contains("secret-callback"),
            "{body}"
        );
        let headers = copy.headers.unwrap_or_default();
        assert!(
            headers
                .iter()
                .all(|(name, _)| !name.to_string().starts_with("Nats-"))
        );
        seen.push(copy.subject.to_string());
    }
    assert_eq!(
        seen,
        [
            "generation.completed",
            "generation.ready",
            "generation.failed"
        ]
    );

    // All of ours was published before this, on one connection to one server.
    client.publish("generation.end", "".into()).await?;
    let end = tokio::time::timeout(LIMIT, generations.next()).await?;
    assert_eq!(
        end.map(|end| end.subject.to_string()).as_deref(),
        Some("generation.end")
    );
    Ok(())
}

#[tokio::test]
async fn news_are_those_that_were_asked_for() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (mine, others) = (GenerationId::generate(), GenerationId::generate());
    let key = mine.to_string();
    let wanted = move |about: &str| about == key;
    let mut news = world.bus.news(&["generation.completed"], wanted).await?;

    for id in [others, mine] {
        world.bus.ledger().append(completed(id), 0).await?;
    }

    let first = tokio::time::timeout(LIMIT, news.next()).await?;
    assert_eq!(first, Some(completed(mine).into()));
    Ok(())
}

#[tokio::test]
async fn a_trace_goes_through_a_handler() -> anyhow::Result<()> {
    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let world = World::start().await?;
    let id = GenerationId::generate();
    let publish = world.bus.ledger();
    trace::within(Some(TRACE.to_owned()), publish.append(rendered(id), 0)).await?;
    let handler = Script::<domain::Rendered>::new(|input, delivery| async move {
        Ok(Step::emit(
            completed(input.job.id),
            Expect::after(&delivery),
        ))
    });

    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    world.settled("EVENTS", "upload", 1).await?;
    let events = world.messages("EVENTS").await?;
    let traces: Vec<_> = events
        .iter()
        .map(|event| header(event, "traceparent"))
        .collect();
    assert_eq!(traces, [Some(TRACE), Some(TRACE)]);
    worker.stop().await
}
