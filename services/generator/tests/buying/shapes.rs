//! Answers of every shape: each ends in one state, and nothing is asked for ever.

use domain::{Billed, Code, Event};
use ideogram_sim::{Fault, FaultKind};
use serde_json::json;

use crate::simulator::{on_poll, on_submit, status};
use crate::world::{Setup, World};

/// What one generation came to: its track, and what it cost.
async fn outcome(world: &World, prompt: &str) -> anyhow::Result<(String, Option<Code>, Billed)> {
    let id = world.ask(prompt, json!({})).await?;
    let (code, billed) = match world.end(id).await? {
        Event::Rendered(_) => (None, Billed::Yes),
        Event::Failed(failed) => (Some(failed.failure.code), failed.failure.billed),
        _ => (None, Billed::Unknown),
    };
    assert_eq!(world.count(id, "calling").await?, 1, "{prompt}");
    let track = world.track(id).await?;
    Ok((track.replace("accepted calling ", ""), code, billed))
}

#[tokio::test]
async fn whatever_a_call_is_answered_it_ends_in_one_state_and_is_made_once() -> anyhow::Result<()> {
    let world = World::start(Setup::default().env("DARKROOM_PROVIDER_LIMIT", "10")).await?;
    let shapes = [
        (FaultKind::HtmlBody, "unknown"),
        (FaultKind::TruncatedJson, "unknown"),
        (FaultKind::EmptyBody, "unknown"),
        (FaultKind::ErrorInside { status_code: 500 }, "unknown"),
        (FaultKind::MissingObjectType, "submitted rendered"),
        (FaultKind::ExtraFields, "submitted rendered"),
        (status(404), "failed"),
        (status(413), "failed"),
        (status(415), "failed"),
        (status(418), "unknown"),
        (status(409), "unknown"),
        (status(422), "failed"),
        (status(502), "unknown"),
        (status(599), "unknown"),
    ];
    for (number, (kind, expected)) in shapes.into_iter().enumerate() {
        let what = format!("{number} {kind:?}");
        let before = world.sim.bill().len();
        world.sim.fault(on_submit(kind).times(1))?;
        let (track, code, billed) = outcome(&world, &what).await?;
        world.sim.heal();
        let charged = world.sim.bill().len() - before;

        assert_eq!(track, expected, "{what}: {code:?}");
        match billed {
            Billed::Yes => assert_eq!(charged, 1, "{what}"),
            Billed::No => assert_eq!(charged, 0, "{what}: failed unbilled, and was charged"),
            Billed::Unknown => assert!(charged <= 1, "{what}"),
        }
    }
    assert_eq!(world.messages("DEAD").await?, 0);
    world.stop().await
}

/// The same answer to every poll. What never makes sense is asked for again, at a pace that ends
/// nowhere near a loop, and rendered once the answers are good again.
#[tokio::test]
async fn whatever_polls_are_answered_they_are_few_and_nothing_is_thrown_away() -> anyhow::Result<()>
{
    let world = World::start(Setup::default()).await?;
    let shapes = [
        FaultKind::HtmlBody,
        FaultKind::TruncatedJson,
        FaultKind::EmptyBody,
        FaultKind::ErrorInside { status_code: 500 },
        status(500),
        status(401),
        status(402),
    ];
    for (number, kind) in shapes.into_iter().enumerate() {
        let what = format!("{number} {kind:?}");
        world.sim.fault(on_poll(kind))?;
        let before = world.sim.state().polls;
        let id = world.ask(&what, json!({})).await?;
        let Event::Submitted(_) = world.until(id, "submitted").await? else {
            anyhow::bail!("{what}: not submitted")
        };
        let asked = std::time::Instant::now();
        testkit::wait_until(crate::world::PATIENCE, "five seconds", async || {
            asked.elapsed().as_secs() >= 5
        })
        .await?;
        let polls = world.sim.state().polls - before;
        assert!(polls <= 8, "{what}: {polls}");
        assert_eq!(
            world.track(id).await?,
            "accepted calling submitted",
            "{what}"
        );
        world.sim.heal();
        world.rendered(id).await?;
    }
    assert_eq!(world.sim.bill().len(), 7);
    world.stop().await
}

/// The old API answers with everything at once.
#[tokio::test]
async fn an_old_answer_of_another_shape_was_paid_for() -> anyhow::Result<()> {
    let world = World::start(Setup::default().env("IDEOGRAM_API", "legacy")).await?;
    let on = |kind| Fault::from(kind).on("/generate").times(1);
    let shapes = [
        (FaultKind::HtmlBody, "unknown", Billed::Unknown),
        (FaultKind::TruncatedJson, "unknown", Billed::Unknown),
        (FaultKind::EmptyBody, "unknown", Billed::Unknown),
        (FaultKind::EmptyData, "failed", Billed::Yes),
        (FaultKind::ExtraFields, "rendered", Billed::Yes),
    ];
    for (number, (kind, expected, billed)) in shapes.into_iter().enumerate() {
        let what = format!("{number} {kind:?}");
        world.sim.fault(on(kind))?;
        let (track, code, said) = outcome(&world, &what).await?;
        assert_eq!(
            (track.as_str(), said),
            (expected, billed),
            "{what}: {code:?}"
        );
        if expected == "failed" {
            assert_eq!(code, Some(Code::ProviderAnswerUnreadable), "{what}");
        }
    }
    world.stop().await
}
