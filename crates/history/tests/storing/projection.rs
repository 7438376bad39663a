use domain::{
    Billed, Code, Event, Generation, GenerationId, Hold, ProviderResumed, Status, Tenant, Usd,
};
use history::{History, Position, Search, SpendReport};
use proptest::prelude::any;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::{Files, life, money, tenant};

/// Lives that interleave, one event of each in turn, as sequences from 1. Two ask for the same, and
/// one more does and fails.
fn log() -> Vec<(u64, Event)> {
    let lost = life::job("a red kite", 0);
    let failing = vec![
        life::accepted(&lost),
        money::calling(&lost, 1, 2),
        money::unknown(&lost, 1),
        money::calling(&lost, 2, 90_000),
        money::failed(&lost, Code::ProviderFailed, Billed::No, Usd::ZERO),
        notice(),
    ];
    let mut lives = ["a blue fox", "a red kite", "a red kite"]
        .map(|prompt| life::whole(&life::job(prompt, 0)))
        .to_vec();
    lives.insert(2, failing);
    let longest = lives.iter().map(Vec::len).max().unwrap_or(0);
    let turns = (0..longest).flat_map(|turn| lives.iter().filter_map(move |life| life.get(turn)));
    turns
        .cloned()
        .zip(1..)
        .map(|(event, sequence)| (sequence, event))
        .collect()
}

fn notice() -> Event {
    Event::from(ProviderResumed {
        account: "default".to_owned(),
        hold: Hold::Cooling,
        since: life::at(1),
        at: life::at(2),
    })
}

fn lent(log: &[(u64, Event)]) -> Vec<(u64, &Event)> {
    log.iter()
        .map(|(sequence, event)| (*sequence, event))
        .collect()
}

async fn everything(history: &History) -> anyhow::Result<Vec<Generation>> {
    Ok(history.search(&Search::all(Tenant::default())).await?.items)
}

/// All that can be asked.
type State = (Vec<Generation>, Vec<SpendReport>, Vec<Event>);

async fn state(history: &History) -> anyhow::Result<State> {
    let mut reports = Vec::new();
    for by in money::GROUPINGS {
        reports.push(history.spend(&money::query(by)).await?);
    }
    let notices = history.notices(10).await?;
    Ok((everything(history).await?, reports, notices))
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
        state(&history).await
    })?;
    assert_eq!(wanted.0.len(), 4);
    let total = &wanted.1[0].total.spend;
    assert_eq!(total.settled, Usd::from_micros(240_000));
    assert_eq!(total.duplicate, Usd::from_micros(80_000));
    assert_eq!(total.unknown, Usd::from_micros(80_000));
    assert_eq!(wanted.2, [notice()]);

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
            Ok((state(&history).await?, history.position().await?))
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

    let last = Position {
        sequence: log.len() as u64,
        stored_at: life::at(9),
    };
    drop(history.write(&lent(after), last).await?);
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
            .all(|found| matches!(found.status, Status::Ready | Status::Failed))
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
