use bus::{Bus, Error, Refusal};
use futures::future::join_all;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use crate::world::{LIMIT, Running, World};

/// Echoes what it is asked, and refuses what is empty.
fn answering(bus: &Bus) -> Running {
    let shutdown = CancellationToken::new();
    let (bus, token) = (bus.clone(), shutdown.clone());
    Running::spawn_local(shutdown, async move {
        bus.answer(
            "history",
            &["find", "count"],
            token,
            |name, question| async move {
                if question.is_empty() {
                    return Err(Refusal::bad("a question needs words"));
                }
                Ok([name.as_bytes(), b":", &question].concat())
            },
        )
        .await
    })
}

#[tokio::test]
async fn questions_are_answered_or_refused_with_a_reason() -> anyhow::Result<()> {
    LocalSet::new().run_until(async {
    let world = World::start().await?;
    let alone = world.bus.ask("history.find", "foxes").await;
    assert!(matches!(alone, Err(Error::Unanswered { subject, .. }) if subject == "history.find"));

    let service = answering(&world.bus);
    testkit::wait_until(LIMIT, "somebody to answer", async || {
        world.bus.ask("history.count", "anybody?").await.is_ok()
    })
    .await?;

    assert_eq!(&*world.bus.ask("history.find", "foxes").await?, b"find:foxes");
    assert_eq!(&*world.bus.ask("history.count", "foxes").await?, b"count:foxes");
    let refused = world.bus.ask("history.find", "").await;
    assert!(
        matches!(&refused, Err(Error::Refused { reason, .. }) if reason == "a question needs words"),
        "{refused:?}"
    );

    service.stop().await?;
    let gone = world.bus.ask("history.find", "foxes").await;
    assert!(matches!(gone, Err(Error::Unanswered { .. })), "{gone:?}");
    Ok(())
    })
    .await
}

#[tokio::test]
async fn all_who_ask_for_a_setting_agree_on_it() -> anyhow::Result<()> {
    let world = World::start().await?;
    assert_eq!(world.bus.setting("keys", "secret").await?, None);

    let values: Vec<String> = (0..20).map(|n| format!("secret {n}")).collect();
    let asked = values
        .iter()
        .map(|value| world.bus.setting_or("keys", "secret", value));
    let mut agreed: Vec<_> = join_all(asked)
        .await
        .into_iter()
        .collect::<Result<_, _>>()?;

    agreed.dedup();
    assert_eq!(agreed.len(), 1, "{agreed:?}");
    assert_eq!(
        world.bus.setting("keys", "secret").await?.as_ref(),
        agreed.first()
    );
    Ok(())
}
