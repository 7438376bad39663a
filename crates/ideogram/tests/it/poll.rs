//! How a generation is doing.

use std::time::Duration;

use domain::{Billed, Model, Usd};
use ideogram::{Answer, Api, Error, Progress, RejectKind, plan};
use ideogram_sim::{Config, FaultKind, Picture, Simulator};
use serde_json::{Value, json};

use crate::provider::{Provider, Reply};
use crate::{ID, client, image, poll, refused, request};

#[tokio::test]
async fn a_poll_tells_how_it_is_going() -> anyhow::Result<()> {
    let state = |status: &str| json!({"generation_id": ID, "status": status, "created": "2026-11-21T10:00:00Z"});
    for waiting in ["pending", "queued", "something new"] {
        let progress = poll(Reply::json(200, &state(waiting))).await??;
        assert_eq!(
            progress,
            Progress::Pending { simulated: false },
            "{waiting}"
        );
    }

    let failed = json!({"status": "failed", "failure_reason": "no GPU"});
    let progress = poll(Reply::json(200, &failed).header("x-darkroom-simulator", "true")).await??;
    assert_eq!(
        progress,
        Progress::Failed {
            reason: "no GPU".to_owned(),
            simulated: true
        }
    );

    let mut done = state("completed");
    done["usage_cost_usd_micros"] = json!(160_000);
    done["data"] = json!([
        {"object_type": "image.generation", "url": "https://ideogram.ai/x.png", "is_image_safe": true},
        image(Value::Null, false),
    ]);
    let progress = poll(Reply::json(200, &done)).await??;
    let Progress::Completed { images, cost, .. } = progress else {
        anyhow::bail!("{progress:?}")
    };
    assert_eq!(cost, Some(Usd::from_micros(160_000)));
    assert_eq!(
        images
            .iter()
            .map(|image| image.url.is_some())
            .collect::<Vec<_>>(),
        [true, false]
    );

    let bare = poll(Reply::json(200, &state("completed"))).await??;
    assert!(matches!(&bare, Progress::Completed { images, cost: None, .. } if images.is_empty()));
    Ok(())
}

#[tokio::test]
async fn a_poll_that_fails_says_whether_to_ask_again() -> anyhow::Result<()> {
    for (reply, wait) in [
        (
            Reply::text(429, "").header("retry-after", "3"),
            Some(Duration::from_secs(3)),
        ),
        (Reply::text(500, ""), None),
        (Reply::text(503, "").header("retry-after", "soon"), None),
        (Reply::text(302, ""), None),
        (Reply::text(200, "<html>"), None),
        (Reply::json(200, &json!({"generation_id": ID})), None),
    ] {
        let err = refused(poll(reply).await?)?;
        assert!(
            err.is_repeatable() && err.billed() == Billed::Unknown,
            "{err:?}"
        );
        assert!(
            matches!(err, Error::Unavailable { retry_after, .. } if retry_after == wait),
            "{err:?}"
        );
    }
    for (status, kind) in [
        (400, RejectKind::BadRequest),
        (401, RejectKind::Unauthorized),
        (404, RejectKind::NotFound),
    ] {
        let err = refused(poll(Reply::text(status, "")).await?)?;
        assert_eq!(err.billed(), Billed::Unknown, "{err:?}");
        assert!(
            matches!(err, Error::Rejected { kind: got, .. } if got == kind),
            "{err:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_id_stays_one_segment_of_the_path() -> anyhow::Result<()> {
    let provider = Provider::answering(Reply::json(200, &json!({"status": "pending"}))).await?;
    let client = client(&provider.url)?;

    client.poll("a/../b?c=d#e%2e").await?;
    assert_eq!(
        provider.seen()[0].target,
        "GET /v2/generations/a%2F..%2Fb%3Fc=d%23e%252e"
    );

    for bad in ["", ".", "..", "a b", "ä", &"x".repeat(257)] {
        assert!(
            matches!(client.poll(bad).await, Err(Error::InvalidId(_))),
            "{bad:?}"
        );
    }
    assert_eq!(provider.seen().len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_the_simulator_leaves_out_or_adds_does_not_matter() -> anyhow::Result<()> {
    let simulator = Simulator::start(Config {
        picture: Picture::Tiny,
        ..Config::default()
    })
    .await?;
    let client = client(&simulator.api_url())?;
    let poll = async |prompt: &str| -> anyhow::Result<Progress> {
        let mut request = request(Model::V3);
        request.prompt = prompt.to_owned();
        request.num_images = 2;
        match client.submit(&plan(&request, Api::Auto)?, &[]).await? {
            Answer::Accepted { provider_id, .. } => Ok(client.poll(&provider_id).await?),
            answer => anyhow::bail!("{answer:?}"),
        }
    };

    for fault in [FaultKind::MissingObjectType, FaultKind::ExtraFields] {
        simulator.set_fault(fault)?;
        let progress = poll("a red kite").await?;
        simulator.clear_faults();
        assert!(
            matches!(&progress, Progress::Completed { images, cost: Some(_), simulated: true }
                if images.iter().filter(|image| image.safe && image.url.is_some()).count() == 2),
            "{progress:?}"
        );
    }
    let progress = poll("a red kite [withheld]").await?;
    let Progress::Completed { images, cost, .. } = progress else {
        anyhow::bail!("{progress:?}")
    };
    assert_eq!(cost, Some(Usd::from_micros(120_000)), "billed all the same");
    let safe: Vec<_> = images.iter().map(|i| (i.safe, i.url.is_some())).collect();
    assert_eq!(safe, [(false, false), (true, true)]);
    let progress = poll("a red kite [fail]").await?;
    assert!(matches!(progress, Progress::Failed { .. }), "{progress:?}");
    Ok(())
}
