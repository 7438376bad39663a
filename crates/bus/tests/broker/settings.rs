//! What several processes agree on, while all of them change it and the broker dies.

use std::collections::BTreeMap;
use std::time::Duration;

use bus::{Error, Setting, Watched};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::timeout;

use crate::world::{LIMIT, World};

async fn next(watch: &mut BoxStream<'static, Watched>) -> anyhow::Result<Watched> {
    let next = timeout(LIMIT, watch.next()).await?;
    next.ok_or_else(|| anyhow::anyhow!("it goes on for ever"))
}

fn setting(key: &str, value: &'static str, revision: u64) -> Setting {
    Setting {
        key: key.to_owned(),
        value: value.into(),
        revision,
    }
}

#[tokio::test]
async fn a_setting_changes_only_from_where_it_is_expected_to_be() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bus = &world.bus;
    assert_eq!(bus.setting_at("gate", "provider").await?, None);

    let first = bus.set_setting("gate", "provider", "open", Some(0)).await?;
    let again = bus.set_setting("gate", "provider", "shut", Some(0)).await;
    assert!(again.as_ref().is_err_and(Error::is_conflict), "{again:?}");
    let second = bus
        .set_setting("gate", "provider", "cooling", Some(first))
        .await?;
    let stale = bus
        .set_setting("gate", "provider", "open", Some(first))
        .await;
    assert!(stale.as_ref().is_err_and(Error::is_conflict), "{stale:?}");
    let stale = bus.delete_setting("gate", "provider", Some(first)).await;
    assert!(stale.as_ref().is_err_and(Error::is_conflict), "{stale:?}");
    assert_eq!(
        bus.setting_at("gate", "provider").await?,
        Some(("cooling".into(), second))
    );

    bus.delete_setting("gate", "provider", Some(second)).await?;
    assert_eq!(bus.setting_at("gate", "provider").await?, None);
    // What is removed does not exist, whatever it has left behind.
    let anew = bus.set_setting("gate", "provider", "open", Some(0)).await?;
    let whatever = bus.set_setting("gate", "provider", "paused", None).await?;
    assert!(whatever > anew && anew > second);
    assert_eq!(
        bus.setting("gate", "provider").await?,
        Some("paused".into())
    );

    for key in ["a b", "", ".a", "a..b", "a.*", ">"] {
        let refused = bus.set_setting("gate", key, "x", None).await;
        assert!(
            matches!(refused, Err(Error::Read { .. })),
            "{key:?}: {refused:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn no_claim_is_lost_or_orphaned_when_the_broker_is_killed() -> anyhow::Result<()> {
    const CLAIMS: usize = 600;
    let mut world = World::start().await?;
    let bus = world.bus.clone();
    // Nobody else wants these keys, so every refusal would be of our own making.
    let claims = tokio::spawn(async move {
        let claim = async |n: usize| {
            bus.set_setting("books", &format!("claim.{n}"), "mine", Some(0))
                .await
        };
        futures::stream::iter(0..CLAIMS)
            .map(claim)
            .buffer_unordered(64)
            .collect::<Vec<_>>()
            .await
    });
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        world.server.kill().await?;
        world.server.restart().await?;
    }
    let claims = timeout(3 * LIMIT, claims).await??;

    let mut revisions = claims.into_iter().collect::<Result<Vec<u64>, Error>>()?;
    revisions.sort_unstable();
    let stored = world.bus.settings("books", "claim.*").await?;
    let mut found: Vec<u64> = stored.iter().map(|setting| setting.revision).collect();
    found.sort_unstable();
    assert_eq!(found, revisions);
    Ok(())
}

#[tokio::test]
async fn a_watch_tells_what_is_there_that_this_is_all_and_then_every_change() -> anyhow::Result<()>
{
    let mut world = World::start().await?;
    let bus = world.bus.clone();
    let day = bus.set_setting("books", "budget.day", "10", None).await?;
    bus.set_setting("books", "budget.month", "gone", None)
        .await?;
    bus.delete_setting("books", "budget.month", None).await?;
    bus.set_setting("books", "lease", "is none of it", None)
        .await?;
    assert_eq!(
        bus.settings("books", "budget.*").await?,
        [setting("budget.day", "10", day)]
    );
    assert_eq!(bus.settings("books", "nothing.>").await?, []);

    let mut watch = bus.watch_settings("books", "budget.*")?;

    let mut seen = BTreeMap::new();
    loop {
        match next(&mut watch).await? {
            Watched::Setting(found) => drop(seen.insert(found.key.clone(), found)),
            Watched::Gone { key, .. } => assert_eq!(key, "budget.month"),
            Watched::ThatIsAll => break,
        }
    }
    assert_eq!(
        seen.into_values().collect::<Vec<_>>(),
        [setting("budget.day", "10", day)]
    );
    let more = bus
        .set_setting("books", "budget.day", "20", Some(day))
        .await?;
    let changed = next(&mut watch).await?;
    assert_eq!(changed, Watched::Setting(setting("budget.day", "20", more)));

    world.server.kill().await?;
    world.server.restart().await?;
    bus.delete_setting("books", "budget.day", Some(more))
        .await?;
    let back = bus
        .set_setting("books", "budget.year", "30", Some(0))
        .await?;

    let gone = next(&mut watch).await?;
    assert!(
        matches!(&gone, Watched::Gone { key, revision } if key == "budget.day" && *revision > more),
        "{gone:?}"
    );
    let added = next(&mut watch).await?;
    assert_eq!(added, Watched::Setting(setting("budget.year", "30", back)));
    Ok(())
}
