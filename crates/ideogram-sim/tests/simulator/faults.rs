//! Everything that can be made to go wrong, once.

use std::time::{Duration, Instant};

use ideogram_sim::{Config, Fault, FaultKind, Picture};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Rig, V45, decode, until};

async fn rig() -> anyhow::Result<Rig> {
    Rig::start(Config {
        picture: Picture::Tiny,
        ..Config::default()
    })
    .await
}

fn order() -> Value {
    json!({ "prompt": "a kite" })
}

#[tokio::test]
async fn statuses_come_in_the_providers_shapes_and_nothing_is_billed() -> anyhow::Result<()> {
    let rig = rig().await?;
    for (status, reason, key) in [
        (500, None, ""),
        (503, None, ""),
        (401, None, "message"),
        (403, None, "message"),
        (403, Some("feature_limit"), "reject_reason"),
        (402, Some("subscription_required"), "reject_reason"),
        (402, Some("daily_limit"), "reject_reason"),
        (402, Some("priority_credit_required"), "reject_reason"),
        (402, None, "reject_reason"),
        (429, None, "max_inflight_requests"),
        (422, None, "error"),
    ] {
        let kind = FaultKind::Status {
            status,
            reject_reason: reason.map(str::to_owned),
            after_accept: false,
        };
        rig.sim.set_fault(Fault::from(kind).times(1))?;
        let answer = rig.post(V45, order()).await?;

        assert_eq!(answer.status, status);
        assert!(
            key.is_empty() == answer.text.is_empty()
                && (key.is_empty() || answer.json.get(key).is_some()),
            "{answer:?}"
        );
    }
    assert!(rig.sim.bill().is_empty());
    assert_eq!(
        rig.post(V45, order()).await?.status,
        200,
        "the counts are used up"
    );
    Ok(())
}

#[tokio::test]
async fn a_429_says_as_much_as_it_is_told_to() -> anyhow::Result<()> {
    let rig = rig().await?;
    let id = rig.submit("a kite").await?;
    let too_many = |max_inflight_requests, retry_after_seconds| {
        Fault::from(FaultKind::TooMany {
            max_inflight_requests,
            retry_after_seconds,
        })
        .times(1)
    };

    rig.sim.set_fault(too_many(None, None))?;
    let bare = rig.post(V45, order()).await?;
    rig.sim.set_fault(too_many(Some(7), None))?;
    let full = rig.post(V45, order()).await?;
    rig.sim
        .set_fault(too_many(None, Some(3)).on("/v2/generations/"))?;
    let poll = rig.poll(&id).await?;

    assert_eq!((bare.status, full.status, poll.status), (429, 429, 429));
    assert!(bare.json.get("max_inflight_requests").is_none() && bare.json["error"].is_string());
    assert_eq!(full.json["max_inflight_requests"], 7);
    assert_eq!(full.json["reject_reason"], "inflight_limit");
    assert_eq!(poll.headers["retry-after"], "3");
    assert_eq!(rig.poll(&id).await?.status, 200, "once");
    Ok(())
}

#[tokio::test]
async fn an_error_can_hide_in_a_200() -> anyhow::Result<()> {
    let rig = rig().await?;
    let kind = FaultKind::ErrorInside { status_code: 422 };
    rig.sim.set_fault(Fault::from(kind).times(1))?;

    let answer = rig.post(V45, order()).await?;

    assert_eq!(
        (answer.status, &answer.json["status_code"]),
        (200, &json!(422))
    );
    assert!(answer.json["error"].is_string() && rig.sim.bill().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_hang_before_the_job_is_taken_gives_no_answer_and_no_bill() -> anyhow::Result<()> {
    let rig = rig().await?;
    rig.sim
        .set_fault(Fault::from(FaultKind::HangBeforeAccept).times(1))?;

    let answer = tokio::time::timeout(Duration::from_millis(300), rig.post(V45, order())).await;

    assert!(answer.is_err(), "{answer:?}");
    assert!(rig.sim.bill().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_hang_after_the_job_is_taken_gives_no_answer_but_a_bill() -> anyhow::Result<()> {
    let rig = rig().await?;
    rig.sim.set_fault(FaultKind::HangAfterAccept)?;

    tokio::select! {
        answer = rig.post(V45, order()) => anyhow::bail!("answered {answer:?}"),
        billed = until("the job is billed", || rig.sim.bill().len() == 1) => billed?,
    }

    tokio::time::timeout(Duration::from_secs(10), rig.sim.stop()).await?;
    Ok(())
}

#[tokio::test]
async fn a_reset_gives_no_answer_before_or_after_the_job_is_taken() -> anyhow::Result<()> {
    for (kind, billed) in [
        (FaultKind::ResetBeforeAccept, 0),
        (FaultKind::ResetAfterAccept, 1),
    ] {
        let rig = rig().await?;
        rig.sim.set_fault(Fault::from(kind).times(1))?;

        let Err(err) = rig.post(V45, order()).await else {
            anyhow::bail!("answered")
        };

        assert!(
            format!("{err:?}").to_lowercase().contains("reset"),
            "{err:?}"
        );
        assert_eq!(rig.sim.bill().len(), billed);
        assert_eq!(rig.post(V45, order()).await?.status, 200);
    }
    Ok(())
}

#[tokio::test]
async fn a_server_error_can_hide_an_accepted_job() -> anyhow::Result<()> {
    let rig = rig().await?;
    rig.sim.set_fault(FaultKind::Status {
        status: 503,
        reject_reason: None,
        after_accept: true,
    })?;

    assert_eq!(rig.post(V45, order()).await?.status, 503);
    assert_eq!(rig.sim.bill().len(), 1);
    rig.sim.clear_faults();
    assert_eq!(rig.post(V45, order()).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn bodies_are_spoiled() -> anyhow::Result<()> {
    let rig = rig().await?;
    let id = rig.submit("a kite").await?;
    let once = |kind: FaultKind| {
        rig.sim
            .set_fault(Fault::from(kind).times(1).on("/v2/generations"))
    };

    once(FaultKind::TruncatedJson)?;
    let truncated = rig.poll(&id).await?;
    once(FaultKind::HtmlBody)?;
    let html = rig.poll(&id).await?;
    once(FaultKind::EmptyBody)?;
    let nothing = rig.poll(&id).await?;
    once(FaultKind::EmptyData)?;
    let empty = rig.poll(&id).await?;
    once(FaultKind::MissingObjectType)?;
    let untyped = rig.poll(&id).await?;
    once(FaultKind::ExtraFields)?;
    let extra = rig.poll(&id).await?;

    assert_eq!(
        (
            truncated.status,
            truncated.json.is_null(),
            truncated.text.starts_with('{')
        ),
        (200, true, true)
    );
    assert_eq!(html.headers["content-type"], "text/html");
    assert_eq!((nothing.status, nothing.text.as_str()), (200, ""));
    assert_eq!(empty.json["data"], json!([]));
    assert!(
        untyped.json["data"][0].get("object_type").is_none()
            && untyped.json["data"][0]["url"].is_string()
    );
    assert!(
        extra.json.get("undocumented").is_some()
            && extra.json["data"][0].get("undocumented").is_some()
    );
    assert_eq!(
        rig.poll(&id).await?.json["data"][0]["object_type"],
        "image.generation"
    );
    Ok(())
}

#[tokio::test]
async fn downloads_are_spoiled() -> anyhow::Result<()> {
    let rig = rig().await?;
    let url = rig.post(V45, order()).await?.text_at("/data/0/url")?;
    let (_, _, whole) = rig.download(&url).await?;
    let once = |kind: FaultKind| rig.sim.set_fault(Fault::from(kind).times(1));

    once(FaultKind::TruncatedImage)?;
    let (status, _, half) = rig.download(&url).await?;
    assert!(status == 200 && half.len() == whole.len() / 2 && decode(&half).is_err());

    once(FaultKind::WrongContentType)?;
    let (_, content_type, bytes) = rig.download(&url).await?;
    assert_eq!((content_type.as_str(), bytes == whole), ("text/html", true));

    once(FaultKind::DownloadStatus { status: 403 })?;
    assert_eq!(rig.download(&url).await?.0, 403);

    once(FaultKind::SlowDownload {
        bytes_per_second: whole.len() as u32 * 2,
    })?;
    let start = Instant::now();
    assert_eq!(rig.download(&url).await?.2, whole);
    assert!(
        start.elapsed() >= Duration::from_millis(400),
        "{:?}",
        start.elapsed()
    );
    Ok(())
}

#[tokio::test]
async fn faults_are_switched_over_the_admin_port() -> anyhow::Result<()> {
    let rig = rig().await?;
    let set = json!([{ "kind": "status", "status": 500, "route": "/v2/generations/" }, { "kind": "hang_after_accept", "count": 3 }]);

    let listed = rig
        .admin(Method::POST, "/sim/faults", Some(set.clone()))
        .await?;
    assert_eq!(
        (listed.status, listed.json.as_array().map(Vec::len)),
        (200, Some(2))
    );
    let polled = rig.poll("AAAAAAAAAAAAAAAAAAAAAA").await?;
    assert_eq!(
        polled.status, 500,
        "a route makes other calls than submissions a target"
    );
    assert_eq!(
        rig.admin(Method::DELETE, "/sim/faults", None).await?.status,
        204
    );
    assert_eq!(
        rig.admin(Method::GET, "/sim/faults", None).await?.json,
        json!([])
    );
    for (bad, named) in [
        (json!({ "kind": "nonsense" }), "nonsense"),
        (json!([{ "kind": "status" }]), "status"),
        (json!({ "kind": "status", "status": 200 }), "status"),
        (json!({ "kind": "html_body", "count": 0 }), "count"),
    ] {
        let refused = rig.admin(Method::POST, "/sim/faults", Some(bad)).await?;
        assert_eq!(refused.status, 400);
        assert!(refused.text_at("/detail")?.contains(named), "{refused:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_bill_the_state_and_the_clock_are_on_the_admin_port() -> anyhow::Result<()> {
    let rig = Rig::slow().await?;
    let id = rig.submit("a kite").await?;

    let before = rig.admin(Method::GET, "/sim/state", None).await?;
    let moved = rig
        .admin(
            Method::POST,
            "/sim/clock/advance",
            Some(json!({ "seconds": 3_600 })),
        )
        .await?;
    let bill = rig.admin(Method::GET, "/sim/bill", None).await?;
    let wrong = rig
        .admin(
            Method::POST,
            "/sim/clock/advance",
            Some(json!({ "minutes": 1 })),
        )
        .await?;

    assert_eq!(
        (&before.json["in_flight"], moved.status, wrong.status),
        (&json!(1), 200, 400)
    );
    assert_eq!(
        (&bill.json[0]["id"], &bill.json[0]["status"]),
        (&json!(id), &json!("completed"))
    );
    assert_eq!(bill.json[0]["usd_micros"], 100_000);
    until("the place is free", || rig.sim.state().in_flight == 0).await
}
