//! Scripts of calls, and what they come to.

use domain::{
    Billed, Calling, Code, Completed, Event, Failed, Failure, ImageId, ImageRecovered, ImageState,
    Job, Parked, Phase, Rendered, RenderedImage, Tenant, Unknown, Usd,
};
use history::{Error, Grouping, History, Spend, SpendQuery, SpendReport, SpendRow};
use proptest::prelude::any;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::{Files, life};

pub(crate) const GROUPINGS: [Grouping; 5] = [
    Grouping::Campaign,
    Grouping::Key,
    Grouping::Tag,
    Grouping::Model,
    Grouping::Day,
];
/// Of a call of four pictures.
const PRICE: Usd = Usd::from_micros(80_000);
const SHARE: Usd = Usd::from_micros(20_000);
const DAY: i64 = 86_400;

pub(crate) fn query(by: Grouping) -> SpendQuery {
    SpendQuery {
        tenant: Tenant::default(),
        by,
        from: None,
        to: None,
    }
}

fn job(prompt: &str) -> Job {
    let mut job = life::job(prompt, 0);
    job.request.num_images = 4;
    job
}

pub(crate) fn calling(job: &Job, attempt: u32, second: i64) -> Event {
    Event::from(Calling {
        id: job.id,
        attempt,
        token: format!("t{attempt}"),
        route: "v2".to_owned(),
        images: 4,
        reserved: PRICE,
        at: life::at(second),
    })
}

pub(crate) fn unknown(job: &Job, attempt: u32) -> Event {
    Event::from(Unknown {
        id: job.id,
        attempt,
        reason: "the answer was lost".to_owned(),
        reserved: PRICE,
        at: life::at(50),
    })
}

fn parked(job: &Job, in_doubt: bool) -> Event {
    Event::from(Parked {
        id: job.id,
        reason: "out of funds".to_owned(),
        failures: 0,
        in_doubt,
        doubted: in_doubt.then_some(1),
        until: None,
        at: life::at(50),
    })
}

pub(crate) fn rendered(job: &Job, attempt: u32, withheld: u32) -> anyhow::Result<Event> {
    let mut images = Vec::new();
    for index in 0..4 {
        images.push(RenderedImage {
            index,
            link: match index < withheld {
                true => None,
                false => Some("https://provider.test/a.png".parse()?),
            },
            seed: None,
            prompt: None,
        });
    }
    Ok(Event::from(Rendered {
        late: false,
        job: job.clone(),
        attempt,
        provider_id: None,
        images,
        texts: Vec::new(),
        expires_at: life::at(3_600),
        cost: PRICE,
        at: life::at(60),
    }))
}

fn completed(job: &Job, states: [ImageState; 4], cost: Usd) -> Event {
    let image = |(index, state)| domain::Image {
        id: ImageId::of(job.id, index),
        index,
        ..life::image(job, state)
    };
    Event::from(Completed {
        job: job.clone(),
        images: (0..).zip(states).map(image).collect(),
        texts: Vec::new(),
        cost,
        at: life::at(70),
    })
}

pub(crate) fn failed(job: &Job, code: Code, billed: Billed, cost: Usd) -> Event {
    Event::from(Failed {
        id: job.id,
        tenant: job.tenant.clone(),
        custom_id: None,
        job: Some(job.clone()),
        failure: Failure {
            code,
            message: String::new(),
            phase: Phase::Generation,
            billed,
        },
        cost,
        at: life::at(70),
    })
}

fn recovered(job: &Job) -> Event {
    Event::from(ImageRecovered {
        job: job.clone(),
        image: life::image(job, ImageState::Stored),
        at: life::at(80),
    })
}

const STORED: [ImageState; 4] = [ImageState::Stored; 4];

/// What happens after `accepted`, and what it comes to.
fn scripts(job: &Job) -> anyhow::Result<Vec<(Vec<Event>, Spend)>> {
    let call = || calling(job, 1, 10);
    let again = || calling(job, 2, DAY);
    let of = |settled, images| Spend {
        settled,
        images,
        ..Spend::default()
    };
    let (withheld, lost) = (ImageState::Withheld, ImageState::DownloadFailed);
    let one_of_each = [withheld, lost, ImageState::Stored, ImageState::Ready];
    let all_withheld = failed(job, Code::AllWithheld, Billed::Yes, PRICE);
    let in_doubt = || failed(job, Code::Discarded, Billed::Unknown, Usd::ZERO);
    let open = Spend {
        reserved: PRICE,
        ..Spend::default()
    };
    let doubtful = Spend {
        unknown: PRICE,
        ..Spend::default()
    };
    let late = Spend {
        late: PRICE,
        ..of(PRICE, 0)
    };
    let nothing = Spend::default;
    Ok(vec![
        (vec![], nothing()),
        (vec![call()], open),
        (vec![call(), parked(job, false)], nothing()),
        (vec![call(), parked(job, false), again()], open),
        (vec![call(), unknown(job, 1)], doubtful),
        (vec![call(), parked(job, true)], doubtful),
        (vec![call(), rendered(job, 1, 0)?], of(PRICE, 0)),
        (
            vec![call(), rendered(job, 1, 0)?, completed(job, STORED, PRICE)],
            of(PRICE, 4),
        ),
        (vec![call(), completed(job, STORED, PRICE)], of(PRICE, 4)),
        (
            vec![
                call(),
                rendered(job, 1, 1)?,
                completed(job, one_of_each, PRICE),
            ],
            Spend {
                withheld: SHARE,
                late: SHARE,
                ..of(PRICE, 2)
            },
        ),
        (
            vec![call(), all_withheld],
            Spend {
                withheld: PRICE,
                ..of(PRICE, 0)
            },
        ),
        // What came is kept all the same.
        (
            vec![
                call(),
                failed(job, Code::Withheld, Billed::Yes, PRICE),
                recovered(job),
            ],
            Spend {
                withheld: Usd::from_micros(60_000),
                late: SHARE,
                ..of(PRICE, 0)
            },
        ),
        (
            vec![
                call(),
                failed(job, Code::ProviderFailed, Billed::No, Usd::ZERO),
            ],
            nothing(),
        ),
        (vec![call(), in_doubt()], doubtful),
        (vec![call(), in_doubt(), rendered(job, 1, 0)?], late),
        // Called again at the risk of paying twice.
        (
            vec![
                call(),
                unknown(job, 1),
                again(),
                rendered(job, 2, 0)?,
                completed(job, STORED, PRICE),
            ],
            Spend {
                unknown: PRICE,
                ..of(PRICE, 4)
            },
        ),
        (
            vec![
                call(),
                unknown(job, 1),
                again(),
                rendered(job, 2, 0)?,
                completed(job, STORED, PRICE),
                rendered(job, 1, 0)?,
            ],
            Spend {
                late: PRICE,
                ..of(PRICE.times(2), 4)
            },
        ),
        // The provider's bill has no such charge.
        (vec![call(), unknown(job, 1), parked(job, false)], nothing()),
        (
            vec![call(), unknown(job, 1), parked(job, false), again()],
            open,
        ),
        // What was doubtful before the last call stays so.
        (
            vec![
                call(),
                unknown(job, 1),
                parked(job, true),
                again(),
                parked(job, false),
            ],
            doubtful,
        ),
    ])
}

async fn told(history: &History, first: u64, events: &[Event]) -> anyhow::Result<u64> {
    let log: Vec<_> = (first..).zip(events).collect();
    history.project(&log).await?;
    Ok(first + events.len() as u64)
}

fn sum(rows: &[SpendRow]) -> Spend {
    rows.iter()
        .fold(Spend::default(), |sum, row| add(sum, row.spend))
}

fn add(a: Spend, b: Spend) -> Spend {
    Spend {
        images: a.images + b.images,
        reserved: a.reserved + b.reserved,
        settled: a.settled + b.settled,
        unknown: a.unknown + b.unknown,
        withheld: a.withheld + b.withheld,
        duplicate: a.duplicate + b.duplicate,
        late: a.late + b.late,
        saved: a.saved + b.saved,
    }
}

#[tokio::test]
async fn every_course_of_events_comes_to_its_amounts() -> anyhow::Result<()> {
    let count = scripts(&job("a"))?.len();
    for number in 0..count {
        for at_once in [true, false] {
            let files = Files::new()?;
            let history = files.open().await?;
            let job = job("a");
            let (mut events, wanted) = scripts(&job)?.swap_remove(number);
            events.insert(0, life::accepted(&job));
            for (sequence, chunk) in (1..).zip(events.chunks(if at_once { 9 } else { 1 })) {
                told(&history, sequence, chunk).await?;
            }
            let found = history.spend(&query(Grouping::Day)).await?;
            assert_eq!(found.total.spend, wanted, "course {number}");
        }
    }
    Ok(())
}

/// Whatever happens to whichever generations: each row and the total are exact.
#[test]
fn rows_add_up_to_the_total_and_the_total_to_the_generations() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let lives = proptest::collection::vec((any::<usize>(), 0..3_u8, 0..3_u8), 1..12);
    let runs = Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(runs).run(&lives, |lives| {
        let outcome = runtime.block_on(reports(&lives));
        let (reports, wanted) = outcome.map_err(|err| TestCaseError::fail(err.to_string()))?;
        for (by, report) in GROUPINGS.iter().zip(&reports) {
            proptest::prop_assert_eq!(report.total.spend, wanted);
            if *by != Grouping::Tag {
                proptest::prop_assert_eq!(sum(&report.rows), wanted);
            }
        }
        Ok(())
    })?;
    Ok(())
}

async fn reports(lives: &[(usize, u8, u8)]) -> anyhow::Result<(Vec<SpendReport>, Spend)> {
    let files = Files::new()?;
    let history = files.open().await?;
    let (mut next, mut wanted) = (1, Spend::default());
    for (number, (script, campaign, tags)) in lives.iter().enumerate() {
        let mut job = job(&format!("wish {number}"));
        job.request.campaign = (*campaign > 0).then(|| format!("c{campaign}"));
        job.request.tags = (0..*tags).map(|tag| format!("t{tag}")).collect();
        let mut scripts = scripts(&job)?;
        let (events, spend) = scripts.swap_remove(script % scripts.len());
        wanted = add(wanted, spend);
        next = told(&history, next, &[life::accepted(&job)]).await?;
        next = told(&history, next, &events).await?;
    }
    let mut reports = Vec::new();
    for by in GROUPINGS {
        reports.push(history.spend(&query(by)).await?);
    }
    Ok((reports, wanted))
}

#[tokio::test]
async fn groups_and_times_choose_what_is_added_up() -> anyhow::Result<()> {
    let files = Files::new()?;
    let history = files.open().await?;
    let mut marked = job("a");
    marked.request.tags = vec!["new".to_owned(), "red".to_owned(), "new".to_owned()];
    marked.api_key = Some("laptop".to_owned());
    let mut events = vec![life::accepted(&marked)];
    events.extend(scripts(&marked)?.swap_remove(15).0);
    told(&history, 1, &events).await?;

    let names = |report: SpendReport| -> Vec<(String, u64, i64)> {
        let row = |row: SpendRow| (row.group, row.generations, row.spend.settled.micros());
        report
            .rows
            .into_iter()
            .chain([report.total])
            .map(row)
            .collect()
    };
    let line = |name: &str, settled| (name.to_owned(), 1, settled);
    let by = async |by| anyhow::Ok(names(history.spend(&query(by)).await?));
    let paid = 80_000;
    assert_eq!(
        by(Grouping::Tag).await?,
        [line("new", paid), line("red", paid), line("", paid)]
    );
    assert_eq!(
        by(Grouping::Key).await?,
        [line("laptop", paid), line("", paid)]
    );
    assert_eq!(
        by(Grouping::Model).await?,
        [line("V_2", paid), line("", paid)]
    );
    assert_eq!(
        by(Grouping::Day).await?,
        [
            line("2026-11-18", 0),
            line("2026-11-19", paid),
            line("", paid)
        ]
    );
    let first_day = SpendQuery {
        to: Some(life::at(DAY)),
        ..query(Grouping::Campaign)
    };
    assert_eq!(
        names(history.spend(&first_day).await?),
        [line("", 0), line("", 0)]
    );
    let backwards = SpendQuery {
        from: Some(life::at(DAY)),
        ..first_day
    };
    let refused = history.spend(&backwards).await;
    assert!(matches!(refused, Err(Error::Question { field: "to", .. })));
    Ok(())
}

#[tokio::test]
async fn what_is_bought_again_is_waste_and_what_is_handed_out_again_is_saved() -> anyhow::Result<()>
{
    let files = Files::new()?;
    let history = files.open().await?;
    let (first, again, reused) = (job("a"), job("a"), job("a"));
    let mut next = told(&history, 1, &[life::accepted(&first)]).await?;
    next = told(&history, next, &scripts(&first)?.swap_remove(8).0).await?;
    next = told(&history, next, &[life::accepted(&again)]).await?;
    next = told(&history, next, &scripts(&again)?.swap_remove(8).0).await?;
    let events = [
        life::accepted(&reused),
        completed(&reused, STORED, Usd::ZERO),
    ];
    told(&history, next, &events).await?;

    let total = history.spend(&query(Grouping::Key)).await?.total;
    assert_eq!(total.generations, 3);
    assert_eq!(
        total.spend,
        Spend {
            images: 12,
            settled: PRICE.times(2),
            duplicate: PRICE,
            saved: PRICE,
            ..Spend::default()
        }
    );
    Ok(())
}
