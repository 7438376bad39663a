//! The ways of ordering a picture.

use ideogram_sim::{Config, JobStatus};
use serde_json::json;

use crate::harness::{HOUR, Rig, V45, read, until};

#[tokio::test]
async fn every_v2_model_answers_with_pictures_of_its_size() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    for (model, field, value, size, micros) in [
        ("ideogram-2", "aspect_ratio", "16x9", (1312, 736), 80_000),
        ("ideogram-2a", "aspect_ratio", "1x3", (512, 1536), 40_000),
        ("ideogram-3", "resolution", "832x1248", (832, 1248), 60_000),
        ("ideogram-4", "resolution", "1280x720", (1280, 720), 60_000),
        ("ideogram-4-5", "size", "1120x896", (1120, 896), 100_000),
    ] {
        let body =
            json!({ "prompt": "a red kite", "seed": 7, "magic_prompt": "off", field: value });
        let answer = rig
            .post(&format!("/v2/image/generate/{model}"), body)
            .await?;

        assert_eq!(answer.status, 200, "{model}: {answer:?}");
        assert_eq!(answer.json["seed"], 7);
        assert_eq!(answer.json["data"][0]["prompt"], "a red kite");
        assert_eq!(
            answer.json["data"][0]["resolution"],
            format!("{}x{}", size.0, size.1)
        );
        assert_eq!(answer.json["data"][0]["is_image_safe"], true);
        assert_eq!(
            rig.pixels(&answer.text_at("/data/0/url")?).await?,
            size,
            "{model}"
        );
        assert_eq!(
            rig.sim.bill().last().map(|charge| charge.usd_micros),
            Some(micros),
            "{model}"
        );
    }
    rig.sim.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_legacy_route_takes_the_model_from_the_body() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;

    let body = json!({ "image_request": {
        "prompt": "a kite", "model": "V_2_TURBO", "aspect_ratio": "ASPECT_10_16", "magic_prompt_option": "AUTO",
        "style_type": "REALISTIC", "num_images": 2
    }});
    let answer = rig.post("/generate", body).await?;

    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer
            .text_at("/created")?
            .parse::<jiff::Timestamp>()
            .is_ok()
    );
    assert_ne!(
        answer.json["data"][1]["prompt"], "a kite",
        "magic prompt rewrites"
    );
    assert_eq!(answer.json["data"][0]["style_type"], "REALISTIC");
    assert_eq!(
        rig.pixels(&answer.text_at("/data/1/url")?).await?,
        (800, 1280)
    );
    assert_eq!(rig.sim.bill()[0].usd_micros, 100_000);
    assert_eq!(rig.sim.bill()[0].route, "/generate");
    Ok(())
}

#[tokio::test]
async fn v1_takes_json_and_multipart_alike() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    let part = |name: &str, value: &str| {
        format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let form = [
        part("prompt", "a kite"),
        part("seed", "5"),
        part("aspect_ratio", "2x1"),
        "--xx--\r\n".to_owned(),
    ];

    let body = json!({ "prompt": "a kite", "seed": 5, "aspect_ratio": "2x1", "rendering_speed": "QUALITY" });
    let by_json = rig.post("/v1/ideogram-v3/generate", body).await?;
    let request = rig
        .http
        .post(format!("{}/v1/ideogram-v3/generate", rig.sim.api_url()))
        .header("Api-Key", "k")
        .header("content-type", "multipart/form-data; boundary=xx")
        .body(form.concat());
    let by_form = read(request).await?;

    assert_eq!(
        (by_json.status, by_form.status),
        (200, 200),
        "{by_json:?} {by_form:?}"
    );
    assert!(
        by_json.json.get("generation_id").is_none(),
        "v1 answers carry no id"
    );
    let (first, second) = (
        by_json.text_at("/data/0/url")?,
        by_form.text_at("/data/0/url")?,
    );
    assert_eq!(rig.pixels(&first).await?, (1408, 704));
    assert_eq!(
        rig.download(&first).await?.2,
        rig.download(&second).await?.2,
        "same seed, same picture"
    );
    assert_eq!(
        rig.sim
            .bill()
            .iter()
            .map(|charge| charge.usd_micros)
            .collect::<Vec<_>>(),
        [90_000, 60_000]
    );
    Ok(())
}

#[tokio::test]
async fn an_async_job_is_pending_then_completed() -> anyhow::Result<()> {
    let rig = Rig::slow().await?;

    let answer = rig
        .post(
            V45,
            json!({ "prompt": "a kite", "async": true, "num_images": 2, "quality": "low" }),
        )
        .await?;
    let id = answer.text_at("/generation_id")?;
    let pending = rig.poll(&id).await?;
    rig.sim.advance_clock(HOUR);
    let completed = rig.poll(&id).await?;

    assert!(answer.json.get("data").is_none());
    assert_eq!(answer.json["generation_kind"], "sampling");
    assert_eq!(pending.json["status"], "pending");
    assert_eq!(
        pending.json.as_object().map(|fields| fields.len()),
        Some(3),
        "{pending:?}"
    );
    assert_eq!(completed.json["status"], "completed");
    assert_eq!(completed.json["usage_cost_usd_micros"], 60_000);
    assert_eq!(completed.json["data"][1]["object_type"], "image.generation");
    assert_eq!(
        rig.get(&format!("/v1/generations/{id}")).await?.json["status"],
        "completed"
    );
    Ok(())
}

#[tokio::test]
async fn a_sync_call_is_given_up_after_265_seconds_but_the_job_goes_on() -> anyhow::Result<()> {
    let rig = Rig::slow().await?;

    let advance = async {
        until("the job is accepted", || !rig.sim.bill().is_empty()).await?;
        rig.sim.advance_clock(std::time::Duration::from_secs(265));
        anyhow::Ok(())
    };
    let (answer, advanced) = tokio::join!(rig.post(V45, json!({ "prompt": "a kite" })), advance);
    advanced?;

    assert_eq!(answer?.status, 503);
    let id = rig.sim.bill()[0].id.clone();
    assert_eq!(rig.poll(&id).await?.json["status"], "pending");
    rig.sim.advance_clock(HOUR);
    assert_eq!(rig.poll(&id).await?.json["status"], "completed");
    Ok(())
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_stop_the_job() -> anyhow::Result<()> {
    let rig = Rig::slow().await?;

    tokio::select! {
        answer = rig.post(V45, json!({ "prompt": "a kite" })) => anyhow::bail!("answered {answer:?}"),
        accepted = until("the job is accepted", || !rig.sim.bill().is_empty()) => accepted?,
    }
    rig.sim.advance_clock(HOUR);

    assert_eq!(rig.sim.bill()[0].status, JobStatus::Completed);
    assert_eq!(rig.sim.bill()[0].usd_micros, 100_000);
    Ok(())
}

#[tokio::test]
async fn a_dry_run_prices_and_does_nothing() -> anyhow::Result<()> {
    let rig = Rig::start(Config {
        balance_usd_micros: Some(0),
        ..Config::default()
    })
    .await?;

    let body = json!({ "prompt": "a kite [unsafe]", "num_images": 3, "quality": "medium" });
    let quote = rig.post(&format!("{V45}?dry_run=true"), body).await?;
    let invalid = rig
        .post(&format!("{V45}?dry_run=true"), json!({ "prompt": "" }))
        .await?;

    assert_eq!(quote.status, 200);
    assert_eq!(quote.json["object"], "price_quote");
    assert_eq!(
        (&quote.json["quantity"], &quote.json["usd_micros"]),
        (&json!(3), &json!(180_000))
    );
    assert_eq!(invalid.status, 400);
    assert!(rig.sim.bill().is_empty());
    Ok(())
}

#[tokio::test]
async fn trigger_words_refuse_withhold_and_fail() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;

    let refused = rig
        .post(V45, json!({ "prompt": "a [unsafe] kite" }))
        .await?;
    let withheld = rig
        .post(
            V45,
            json!({ "prompt": "a [withheld] kite", "num_images": 2 }),
        )
        .await?;
    let failed = rig.submit("a [fail] kite").await?;

    assert_eq!(
        (refused.status, refused.json["error"].is_string()),
        (422, true)
    );
    assert_eq!(withheld.json["data"][0]["is_image_safe"], false);
    assert!(withheld.json["data"][0]["url"].is_null());
    assert!(withheld.json["data"][1]["url"].is_string());
    assert_eq!(rig.poll(&failed).await?.json["status"], "failed");
    assert!(rig.poll(&failed).await?.text_at("/failure_reason").is_ok());
    let bill = rig.sim.bill();
    assert_eq!(
        bill.iter()
            .map(|charge| charge.usd_micros)
            .collect::<Vec<_>>(),
        [200_000, 0]
    );
    assert_eq!(rig.sim.state().refused.get(&422), Some(&1));
    Ok(())
}

#[tokio::test]
async fn usage_shows_the_bill_by_route() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    rig.submit("a kite").await?;
    rig.submit("another kite").await?;
    rig.submit("a kite that will [fail]").await?;

    let start = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(20);
    let usage = rig
        .get(&format!(
            "/v2/account/usage?start_time={start}&bucket_width=1h"
        ))
        .await?;
    let without = rig.get("/v2/account/usage").await?;

    let buckets = usage.json["buckets"].as_array().into_iter().flatten();
    let lines: Vec<_> = buckets
        .flat_map(|bucket| bucket["line_items"].as_array())
        .flatten()
        .collect();
    let images: u64 = lines
        .iter()
        .filter_map(|line| line["billed_units"]["quantity"].as_u64())
        .sum();
    assert_eq!(images, 2, "{usage:?}");
    assert_eq!(lines[0]["endpoint"], V45);
    assert_eq!(lines[0]["billed_units"]["unit_price"], "0.100000");
    assert_eq!(without.status, 400);
    Ok(())
}
