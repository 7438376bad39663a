use domain::{Event, Generation, GenerationId, Status, Tenant};
use history::{History, Search};
use proptest::prelude::any;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::{Files, life, tenant};

/// Three lives, one event of each in turn, as sequences from 1.
fn log() -> Vec<(u64, Event)> {
    let lives = ["a red kite", "a blue fox", "a green sea"]
        .map(|prompt| life::whole(&life::job(prompt, 0)));
    let longest = lives.iter().map(Vec::len).max().unwrap_or(0);
    let turns = (0..longest).flat_map(|turn| lives.iter().filter_map(move |life| life.get(turn)));
    turns
        .cloned()
        .zip(1..)
        .map(|(event, sequence)| (sequence, event))
        .collect()
}

fn lent(log: &[(u64, Event)]) -> Vec<(u64, &Event)> {
    log.iter()
        .map(|(sequence, event)| (*sequence, event))
        .collect()
}

async fn everything(history: &History) -> anyhow::Result<Vec<Generation>> {
    Ok(history.search(&Search::all(Tenant::default())).await?.items)
}

#[tokio::test]
async fn a_life_is_folded_into_one_document() -> anyhow::Result<()> {
    let files = Files::new()?;
    let history = files.open().await?;
    let job = life::job("a kite", 0);
    let events = life::whole(&job);
    let log: Vec<_> = (1..).zip(events.iter()).collect();

    assert_eq!(history.project(&log).await?, events.len() as u64);

    let found = history.get(&Tenant::default(), job.id).await?;
    assert_eq!(found, Generation::of(events.iter().cloned()));
    assert_eq!(found.map(|found| found.status), Some(Status::Ready));
    Ok(())
}

/// Chunks overlap, repeat and are shuffled within; whatever happens, the state is that of the log.
#[test]
fn repetitions_and_disorder_within_chunks_change_nothing() -> anyhow::Result<()> {
    let log = log();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let straight = Files::new()?;
    let wanted = runtime.block_on(async {
        let history = straight.open().await?;
        history.project(&lent(&log)).await?;
        everything(&history).await
    })?;
    assert_eq!(wanted.len(), 3);

    let cuts = proptest::collection::vec((0..log.len(), any::<u64>()), 1..6);
    let runs = Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(runs).run(&cuts, |cuts| {
        let outcome: anyhow::Result<_> = runtime.block_on(async {
            let files = Files::new()?;
            let history = files.open().await?;
            for chunk in chunks(&log, &cuts) {
                history.project(&chunk).await?;
            }
            Ok((everything(&history).await?, history.position().await?))
        });
        let (found, position) = outcome.map_err(|err| TestCaseError::fail(err.to_string()))?;
        proptest::prop_assert_eq!(&found, &wanted);
        proptest::prop_assert_eq!(position, log.len() as u64);
        Ok(())
    })?;
    Ok(())
}

/// Redelivery starts anywhere before the end of what was read, and goes on to further than before.
fn chunks<'a>(log: &'a [(u64, Event)], cuts: &[(usize, u64)]) -> Vec<Vec<(u64, &'a Event)>> {
    let mut end = 0;
    let mut chunks = Vec::new();
    for (cut, seed) in cuts.iter().chain([&(log.len(), 1)]) {
        let start = if end == 0 {
            0
        } else {
            usize::try_from(*seed).unwrap_or(0) % end
        };
        end = end.max(*cut);
        let mut chunk = lent(&log[start..end]);
        chunk.extend(lent(&log[start..end]).into_iter().step_by(2));
        chunk.sort_by_key(|(sequence, _)| sequence.wrapping_mul(*seed | 1));
        chunks.push(chunk);
    }
    chunks
}

#[tokio::test]
async fn what_is_not_committed_never_was() -> anyhow::Result<()> {
    let files = Files::new()?;
    let history = files.open().await?;
    let log = log();
    let (before, after) = log.split_at(6);
    history.project(&lent(before)).await?;
    let held = everything(&history).await?;

    drop(history.write(&lent(after)).await?);
    assert_eq!(
        (history.position().await?, everything(&history).await?),
        (6, held)
    );

    history.project(&lent(after)).await?;
    assert_eq!(history.position().await?, log.len() as u64);
    assert!(
        everything(&history)
            .await?
            .iter()
            .all(|found| found.status == Status::Ready)
    );
    Ok(())
}

#[tokio::test]
async fn a_log_that_counts_from_one_again_is_written_down_too() -> anyhow::Result<()> {
    let files = Files::new()?;
    let history = files.open().await?;
    let (old, new) = (life::job("old", 0), life::job("new", 1));
    history.project(&[(900, &life::accepted(&old))]).await?;

    assert_eq!(history.project(&[(1, &life::accepted(&new))]).await?, 900);
    assert!(history.get(&Tenant::default(), new.id).await?.is_some());
    Ok(())
}

#[tokio::test]
async fn refused_requests_are_kept_and_beginnings_are_needed() -> anyhow::Result<()> {
    let files = Files::new()?;
    let history = files.open().await?;
    let (refused, unknown) = (GenerationId::generate(), life::job("a kite", 0));
    let calling = life::whole(&unknown).swap_remove(1);

    let refusal = life::refused(refused, tenant("acme")?);
    history.project(&[(1, &refusal), (2, &calling)]).await?;

    let found = history.get(&tenant("acme")?, refused).await?;
    assert_eq!(found.map(|found| found.status), Some(Status::Failed));
    assert_eq!(history.get(&Tenant::default(), unknown.id).await?, None);
    assert_eq!(history.position().await?, 2);
    Ok(())
}
