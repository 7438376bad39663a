//! Who asked for the same before.

use domain::{Billed, Code, Event, GenerationId, ImageState, Job, Tenant, Usd};
use history::History;

use crate::{Files, life, money, tenant};

async fn repeats(history: &History, job: &Job) -> anyhow::Result<Option<GenerationId>> {
    let found = history.get(&job.tenant, job.id).await?;
    Ok(found.and_then(|found| found.job?.duplicate_of))
}

#[tokio::test]
async fn the_last_that_has_not_failed_by_then_is_repeated() -> anyhow::Result<()> {
    let job = |second| life::job("a kite", second);
    let (first, second, third, fourth) = (job(0), job(1), job(2), job(3));
    let mut theirs = job(4);
    theirs.tenant = tenant("acme")?;
    let mut seeded = job(5);
    seeded.request.seed = Some(1);
    let failed = |job| money::failed(job, Code::ProviderFailed, Billed::No, Usd::ZERO);
    let events = [
        life::accepted(&first),
        life::accepted(&second),
        failed(&second),
        life::accepted(&third),
        failed(&first),
        life::accepted(&theirs),
        life::accepted(&seeded),
        life::accepted(&fourth),
        failed(&third),
    ];
    // How the log is cut makes no difference.
    for size in 1..=events.len() {
        let files = Files::new()?;
        let history = files.open().await?;
        let log: Vec<_> = (1..).zip(&events).collect();
        for chunk in log.chunks(size) {
            history.project(chunk).await?;
        }
        assert_eq!(repeats(&history, &first).await?, None, "{size}");
        assert_eq!(repeats(&history, &second).await?, Some(first.id), "{size}");
        assert_eq!(repeats(&history, &third).await?, Some(first.id), "{size}");
        assert_eq!(repeats(&history, &fourth).await?, Some(third.id), "{size}");
        assert_eq!(repeats(&history, &theirs).await?, None, "{size}");
        assert_eq!(repeats(&history, &seeded).await?, None, "{size}");
    }
    Ok(())
}

#[tokio::test]
async fn what_the_request_says_itself_stays() -> anyhow::Result<()> {
    let files = Files::new()?;
    let history = files.open().await?;
    let (first, second) = (life::job("a", 0), life::job("a", 1));
    let mut third = life::job("a", 2);
    third.duplicate_of = Some(first.id);
    let events = [&first, &second, &third].map(life::accepted);
    let log: Vec<_> = (1..).zip(&events).collect();
    history.project(&log).await?;

    assert_eq!(repeats(&history, &third).await?, Some(first.id));
    Ok(())
}

/// Three at once of one picture: the second and the third got those of the first.
#[tokio::test]
async fn who_was_handed_the_pictures_of_another_repeats_that_one() -> anyhow::Result<()> {
    let jobs: Vec<_> = (0..3).map(|second| life::job("a kite", second)).collect();
    let mut events: Vec<_> = jobs.iter().map(life::accepted).collect();
    events.extend(jobs.iter().map(|job| {
        let mut job = job.clone();
        job.duplicate_of = (job.id != jobs[0].id).then_some(jobs[0].id);
        life::completed(&job)
    }));
    for size in [1, events.len()] {
        let files = Files::new()?;
        let history = files.open().await?;
        let log: Vec<_> = (1..).zip(&events).collect();
        for chunk in log.chunks(size) {
            history.project(chunk).await?;
        }
        assert_eq!(repeats(&history, &jobs[0]).await?, None, "{size}");
        assert_eq!(
            repeats(&history, &jobs[1]).await?,
            Some(jobs[0].id),
            "{size}"
        );
        assert_eq!(
            repeats(&history, &jobs[2]).await?,
            Some(jobs[0].id),
            "{size}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn found_is_also_what_is_paid_for_and_not_yet_here() -> anyhow::Result<()> {
    let files = Files::new()?;
    let history = files.open().await?;
    let job = life::job("a kite", 0);
    let identity = job.request.identity().to_string();
    let failure = money::failed(
        &job,
        Code::AllWithheld,
        Billed::Yes,
        Usd::from_micros(80_000),
    );
    for (sequence, event, found) in [
        (1, life::accepted(&job), None),
        (2, money::calling(&job, 1, 1), None),
        (3, money::rendered(&job, 1, 0)?, Some(job.id)),
        (4, failure, None),
    ] {
        history.project(&[(sequence, &event)]).await?;
        let known = history.find(&job.tenant, &identity).await?.id;
        assert_eq!(known, found, "{sequence}");
    }
    Ok(())
}

#[tokio::test]
async fn found_is_the_last_that_has_something_to_hand_out() -> anyhow::Result<()> {
    let files = Files::new()?;
    let history = files.open().await?;
    let jobs: Vec<_> = (0..4).map(|second| life::job("a kite", second)).collect();
    let identity = jobs[0].request.identity().to_string();
    let deleted = match life::completed(&jobs[2]) {
        Event::Completed(mut event) => {
            for image in &mut event.images {
                image.state = ImageState::Deleted;
            }
            Event::Completed(event)
        }
        other => other,
    };
    let mut events: Vec<_> = jobs.iter().map(life::accepted).collect();
    let of = Tenant::default();
    let log: Vec<_> = (1..).zip(&events).collect();
    history.project(&log).await?;
    let found = history.find(&of, &identity).await?;
    assert_eq!((found.id, found.recorded_to), (None, 4));

    // The first has pictures, those of the third are gone, and the others are on their way.
    events = vec![life::completed(&jobs[0]), deleted];
    let log: Vec<_> = (5..).zip(&events).collect();
    history.project(&log).await?;
    let found = history.find(&of, &identity).await?;
    assert_eq!((found.id, found.recorded_to), (Some(jobs[0].id), 6));
    assert_eq!(history.find(&tenant("acme")?, &identity).await?.id, None);
    Ok(())
}
