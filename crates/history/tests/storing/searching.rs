use domain::{Job, Model, Status, Tenant};
use history::{Error, History, Search};

use crate::{Files, life, tenant};

async fn with(jobs: &[Job]) -> anyhow::Result<(Files, History)> {
    let files = Files::new()?;
    let history = files.open().await?;
    let events: Vec<_> = jobs.iter().map(life::accepted).collect();
    let log: Vec<_> = (1..).zip(&events).collect();
    history.project(&log).await?;
    Ok((files, history))
}

async fn prompts(history: &History, search: Search) -> anyhow::Result<Vec<String>> {
    let page = history.search(&search).await?;
    let jobs = page.items.into_iter().filter_map(|found| found.job);
    Ok(jobs.map(|job| job.request.prompt).collect())
}

fn text(q: &str) -> Search {
    Search {
        q: Some(q.to_owned()),
        ..Search::all(Tenant::default())
    }
}

#[tokio::test]
async fn any_part_of_a_prompt_finds_it() -> anyhow::Result<()> {
    let (_files, history) = with(&[
        life::job("Une châtelaine au bord de la mer", 1),
        life::job("赤い凧と砂丘の夕暮れ", 2),
        life::job(r#"a sign that says "50% off_now" (bold)"#, 3),
        life::job("a 500 year old oak", 4),
    ])
    .await?;
    let cases = [
        ("chatelaine", "Une"),
        ("CHÂTEL", "Une"),
        ("ord de la m", "Une"),
        ("砂丘の", "赤い"),
        ("凧", "赤い"),
        ("夕暮", "赤い"),
        (r#"says "50% off"#, "a sign"),
        (r#"""#, "a sign"),
        ("%", "a sign"),
        ("f_", "a sign"),
        ("(bold)", "a sign"),
        ("  oak ", "a 500"),
    ];
    for (q, beginning) in cases {
        let found = prompts(&history, text(q)).await?;
        assert!(
            found.len() == 1 && found[0].starts_with(beginning),
            "{q}: {found:?}"
        );
    }
    for nothing in ["kite", "sign OR oak", "châ*", "50%off", "o_k", "a\0b"] {
        assert!(
            prompts(&history, text(nothing)).await?.is_empty(),
            "{nothing}"
        );
    }
    assert_eq!(prompts(&history, text(" ")).await?.len(), 4);
    Ok(())
}

#[tokio::test]
async fn all_conditions_must_hold() -> anyhow::Result<()> {
    let mut spring = life::job("a fox in spring", 10);
    spring.request.campaign = Some("spring".to_owned());
    spring.request.model = Model::V3;
    spring.request.seed = Some(7);
    spring.custom_id = Some("sku-1".to_owned());
    let plain = life::job("a fox in autumn", 20);
    let (_files, history) = with(&[spring, plain.clone()]).await?;
    history.project(&[(3, &life::completed(&plain))]).await?;

    let all = || text("fox");
    let (spring, autumn) = (["a fox in spring"], ["a fox in autumn"]);
    let cases = [
        (
            Search {
                campaign: Some("spring".to_owned()),
                ..all()
            },
            spring,
        ),
        (
            Search {
                model: Some(Model::V3),
                ..all()
            },
            spring,
        ),
        (
            Search {
                seed: Some(7),
                ..all()
            },
            spring,
        ),
        (
            Search {
                custom_id: Some("sku-1".to_owned()),
                ..all()
            },
            spring,
        ),
        (
            Search {
                status: Some(Status::Accepted),
                ..all()
            },
            spring,
        ),
        (
            Search {
                to: Some(life::at(20)),
                ..all()
            },
            spring,
        ),
        (
            Search {
                from: Some(life::at(20)),
                ..all()
            },
            autumn,
        ),
        (
            Search {
                status: Some(Status::Completed),
                ..all()
            },
            autumn,
        ),
        // The seed that the provider chose.
        (
            Search {
                seed: Some(4_242),
                ..all()
            },
            autumn,
        ),
    ];
    for (search, wanted) in cases {
        assert_eq!(
            prompts(&history, search.clone()).await?,
            wanted,
            "{search:?}"
        );
    }
    let both = Search {
        seed: Some(7),
        model: Some(Model::V2),
        ..all()
    };
    assert!(prompts(&history, both).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_tenant_sees_its_own_only() -> anyhow::Result<()> {
    let mut theirs = life::job("a secret fox", 1);
    theirs.tenant = tenant("acme")?;
    let (_files, history) = with(&[theirs.clone(), life::job("a public fox", 2)]).await?;

    assert_eq!(history.get(&Tenant::default(), theirs.id).await?, None);
    assert_eq!(prompts(&history, text("fox")).await?, ["a public fox"]);
    let found = prompts(
        &history,
        Search {
            tenant: tenant("acme")?,
            ..text("fox")
        },
    )
    .await?;
    assert_eq!(found, ["a secret fox"]);
    Ok(())
}

#[tokio::test]
async fn pages_show_everything_once_newest_first() -> anyhow::Result<()> {
    // Three of each second, so that pages end between equals.
    let jobs: Vec<_> = (0..25)
        .map(|n| life::job(&format!("fox {n}"), n / 3))
        .collect();
    let (_files, history) = with(&jobs).await?;

    let mut search = Search {
        limit: 4,
        ..text("fox")
    };
    let (mut found, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let page = history.search(&search).await?;
        sizes.push(page.items.len());
        found.extend(page.items.iter().map(|item| (item.created_at, item.id)));
        search.cursor = page.cursor;
        if search.cursor.is_none() {
            break;
        }
    }
    let mut wanted: Vec<_> = jobs.iter().map(|job| (job.accepted_at, job.id)).collect();
    wanted.sort_by(|a, b| b.cmp(a));
    assert_eq!(found, wanted);
    assert_eq!(sizes, [4, 4, 4, 4, 4, 4, 1]);
    Ok(())
}

#[tokio::test]
async fn questions_that_make_no_sense_name_the_field() -> anyhow::Result<()> {
    let (_files, history) = with(&[]).await?;
    let wrong = [
        (
            Search {
                limit: 0,
                ..text("x")
            },
            "limit",
        ),
        (
            Search {
                limit: 201,
                ..text("x")
            },
            "limit",
        ),
        (
            Search {
                cursor: Some("../etc".to_owned()),
                ..text("x")
            },
            "cursor",
        ),
        (text(&"x".repeat(10_001)), "q"),
    ];
    for (search, name) in wrong {
        let refused = history.search(&search).await;
        assert!(
            matches!(refused, Err(Error::Question { field, .. }) if field == name),
            "{name}"
        );
    }
    Ok(())
}
