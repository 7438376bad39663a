//! Places, polls and money.

use std::time::Duration;

use ideogram_sim::{Check, Config, Latency};
use serde_json::json;

use crate::harness::{HOUR, Rig, V45};

fn slow() -> Config {
    Config {
        latency: Latency {
            min: HOUR,
            max: HOUR,
        },
        ..Config::default()
    }
}

#[tokio::test]
async fn places_are_counted_in_images_and_freed_one_by_one() -> anyhow::Result<()> {
    let rig = Rig::start(slow()).await?;
    let order = |n: u8| json!({ "prompt": "a kite", "num_images": n, "async": true });

    assert_eq!(rig.post(V45, order(8)).await?.status, 200);
    let refused = rig.post(V45, order(3)).await?;
    assert_eq!(rig.post(V45, order(2)).await?.status, 200);

    assert_eq!(refused.status, 429);
    assert_eq!(
        (
            &refused.json["reject_reason"],
            &refused.json["max_inflight_requests"]
        ),
        (&json!("inflight_limit"), &json!(10))
    );
    assert_eq!((rig.sim.state().in_flight, rig.sim.bill().len()), (10, 2));
    rig.sim.advance_clock(HOUR * 3 / 4);
    let left = rig.sim.state().in_flight;
    assert!((1..10).contains(&left), "{left} left halfway");
    rig.sim.advance_clock(HOUR);
    assert_eq!(
        (rig.sim.state().in_flight, rig.sim.state().peak_in_flight),
        (0, 10)
    );
    Ok(())
}

#[tokio::test]
async fn in_counting_mode_nothing_is_refused_and_the_peak_is_known() -> anyhow::Result<()> {
    let rig = Rig::start(Config {
        enforce_limit: false,
        ..slow()
    })
    .await?;

    for _ in 0..3 {
        assert_eq!(
            rig.post(
                V45,
                json!({ "prompt": "a kite", "num_images": 8, "async": true })
            )
            .await?
            .status,
            200
        );
    }

    assert_eq!(rig.sim.state().peak_in_flight, 24);
    Ok(())
}

#[tokio::test]
async fn images_in_progress_are_summed_over_time() -> anyhow::Result<()> {
    let rig = Rig::start(slow()).await?;

    rig.submit("a kite").await?;
    rig.sim.advance_clock(HOUR / 2);
    rig.submit("another kite").await?;
    rig.sim.advance_clock(HOUR * 2);
    let state = rig.sim.state();
    rig.sim.advance_clock(HOUR);

    assert_eq!((state.in_flight, state.peak_in_flight), (0, 2));
    assert_eq!(state.image_millis, 2 * HOUR.as_millis() as u64);
    assert_eq!(rig.sim.state().image_millis, state.image_millis);
    Ok(())
}

#[tokio::test]
async fn settings_change_while_it_runs() -> anyhow::Result<()> {
    let rig = Rig::start(Config {
        max_in_flight: 1,
        ..slow()
    })
    .await?;
    let order = || {
        rig.post(
            V45,
            json!({ "prompt": "a kite", "num_images": 2, "async": true }),
        )
    };
    let patch = |change| rig.admin(reqwest::Method::PATCH, "/sim/settings", Some(change));

    assert_eq!(order().await?.status, 429);
    let counting = patch(json!({ "enforce_limit": false })).await?;
    assert_eq!(order().await?.status, 200);
    patch(json!({ "enforce_limit": true, "max_in_flight": 3 })).await?;
    let refused = order().await?;
    rig.sim
        .change_settings(|settings| settings.max_in_flight = 4);
    assert_eq!(order().await?.status, 200);

    assert_eq!(counting.json["max_in_flight"], 1, "what is not named stays");
    assert_eq!(refused.json["max_inflight_requests"], 3);
    for bad in [
        json!({ "limit": 3 }),
        json!({ "max_in_flight": -1 }),
        json!([]),
    ] {
        let refused = patch(bad).await?;
        assert_eq!(refused.status, 400, "{refused:?}");
    }
    assert_eq!(rig.sim.settings().max_in_flight, 4);
    Ok(())
}

#[tokio::test]
async fn polls_over_the_limit_wait_for_the_window() -> anyhow::Result<()> {
    let rig = Rig::start(Config {
        poll_limit: 2,
        ..Config::default()
    })
    .await?;
    let id = rig.submit("a kite").await?;

    assert_eq!(rig.poll(&id).await?.status, 200);
    assert_eq!(rig.poll(&id).await?.status, 200);
    let refused = rig.poll(&id).await?;
    let wait: u64 = refused.headers["retry-after"].to_str()?.parse()?;
    rig.sim.advance_clock(Duration::from_secs(wait));

    assert_eq!(refused.status, 429);
    assert!((1..=10).contains(&wait));
    assert_eq!(rig.poll(&id).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_spent_balance_is_402() -> anyhow::Result<()> {
    let rig = Rig::start(Config {
        balance_usd_micros: Some(150_000),
        ..Config::default()
    })
    .await?;

    assert_eq!(
        rig.post(V45, json!({ "prompt": "a kite" })).await?.status,
        200
    );
    let refused = rig.post(V45, json!({ "prompt": "a kite" })).await?;

    assert_eq!(
        (refused.status, &refused.json["reject_reason"]),
        (402, &json!("insufficient_funds"))
    );
    assert_eq!(
        rig.post(V45, json!({ "prompt": "a kite", "quality": "low" }))
            .await?
            .status,
        200
    );
    Ok(())
}

#[tokio::test]
async fn the_order_of_the_last_checks_can_be_chosen() -> anyhow::Result<()> {
    let order = json!({ "prompt": "an [unsafe] kite" });
    let poor = Config {
        balance_usd_micros: Some(0),
        ..Config::default()
    };
    let strict = Config {
        admission: [Check::Safety, Check::Funds, Check::InFlight],
        ..poor.clone()
    };

    assert_eq!(
        Rig::start(poor)
            .await?
            .post(V45, order.clone())
            .await?
            .status,
        402
    );
    assert_eq!(
        Rig::start(strict).await?.post(V45, order).await?.status,
        422
    );
    Ok(())
}

#[tokio::test]
async fn the_oldest_jobs_are_forgotten() -> anyhow::Result<()> {
    let rig = Rig::start(Config {
        max_jobs: 2,
        ..Config::default()
    })
    .await?;
    let first = rig.submit("one").await?;
    rig.submit("two").await?;
    let last = rig.submit("three").await?;

    assert_eq!(rig.poll(&first).await?.status, 404);
    assert_eq!(rig.poll(&last).await?.status, 200);
    assert_eq!(
        (rig.sim.state().remembered, rig.sim.state().accepted),
        (2, 3)
    );
    Ok(())
}
