//! New cuts of stored pictures: a plan first, then an order that is placed once.

use std::sync::Mutex;

use anyhow::Context as _;
use bus::{Answer, Refusal};
use bytes::Bytes;
use domain::{Event, Generation, GenerationId, ImageReady, ImageState, Tenant};
use jiff::Timestamp;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use wire::{ask, v1};

use crate::desk::{Desk, body, job, ready};

/// Pictures that are ready, two a page, as the historian tells of them.
struct Archive {
    generations: Vec<Generation>,
    asked: Mutex<Vec<v1::HistorySearch>>,
}

impl Archive {
    fn new(generations: Vec<Generation>) -> Self {
        Self {
            generations,
            asked: Mutex::default(),
        }
    }

    /// So many, all different and without cuts.
    fn of(count: usize) -> anyhow::Result<Self> {
        let generations = (0..count).map(|_| generation()).collect::<Result<_, _>>();
        Ok(Self::new(generations?))
    }

    fn answer(&self, endpoint: &'static str, question: &Bytes) -> Answer {
        let refusal = |err: wire::DecodeError| Refusal::bad(err.to_string());
        if endpoint == "get" {
            let question: v1::HistoryGet = ask::read(question).map_err(refusal)?;
            let is_it = |known: &&Generation| known.id.to_string() == question.id;
            let found = self.generations.iter().find(is_it);
            return match found.filter(|found| found.tenant.as_str() == question.tenant) {
                Some(found) => Ok(ask::write(&v1::Generation::from(found))),
                None => Err(Refusal {
                    status: 404,
                    reason: "there is none".to_owned(),
                }),
            };
        }
        let question: v1::HistorySearch = ask::read(question).map_err(refusal)?;
        let from: usize = question
            .cursor
            .as_deref()
            .unwrap_or("0")
            .parse()
            .unwrap_or(0);
        self.asked
            .lock()
            .map_err(|err| Refusal::broken(err.to_string()))?
            .push(question);
        let to = (from + 2).min(self.generations.len());
        Ok(ask::write(&v1::HistoryPage {
            items: self.generations[from..to].iter().map(Into::into).collect(),
            cursor: (to < self.generations.len()).then(|| to.to_string()),
        }))
    }

    fn questions(&self) -> Vec<v1::HistorySearch> {
        self.asked
            .lock()
            .map_or_else(|_| Vec::new(), |asked| asked.clone())
    }
}

fn generation() -> anyhow::Result<Generation> {
    let mut job = job(GenerationId::generate(), "a fox")?;
    job.request.tags = vec!["sale".to_owned()];
    let generation = Generation::of([Event::from(ready(&job))]);
    generation.context("a generation")
}

fn derive(desk: &Desk, query: &str, order: &Value) -> RequestBuilder {
    desk.post_to(&format!("/v1/derivations{query}")).json(order)
}

/// What `user` comes to while `archive` answers for the historian.
async fn with<T>(
    desk: &Desk,
    archive: &Archive,
    user: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let answer = |endpoint: &'static str, question: Bytes| archive.answer(endpoint, &question);
    desk.answered("history", &["search", "get"], answer, user)
        .await
}

#[tokio::test]
async fn a_plan_orders_nothing_and_its_order_is_placed_once() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let archive = Archive::of(5)?;
    let order = json!({ "campaign": "summer", "tag": "sale", "from": "2026-11-01",
        "presets": ["og-image", { "preset": "instagram", "format": "webp" }] });
    let (plan, receipts) = with(&desk, &archive, async {
        let plan = derive(&desk, "?plan=true", &order).send().await?;
        let plan = body(plan, StatusCode::OK).await?;
        assert_eq!(desk.work("process").await?, 0);
        let mut agreed = order.clone();
        agreed["plan"] = plan["planHash"].clone();
        let mut receipts = Vec::new();
        for _ in 0..2 {
            let receipt = derive(&desk, "", &agreed).send().await?;
            receipts.push(body(receipt, StatusCode::ACCEPTED).await?);
        }
        Ok((plan, receipts))
    })
    .await?;

    assert_eq!((&plan["images"], &plan["cuts"]), (&json!(5), &json!(10)));
    assert_eq!(
        (&plan["bytes"], &plan["alreadyCut"]),
        (&json!(60), &json!(0))
    );
    assert_eq!(plan["providerBillUsdMicros"], 0);
    assert!(plan["seconds"].as_u64().is_some_and(|seconds| seconds > 0));
    assert!(
        plan["estimatedOutputBytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 100_000)
    );
    let id = receipts[0]["id"].as_str().unwrap_or_default();
    assert!(id.starts_with("der_"), "{receipts:?}");
    assert_eq!(receipts[0], receipts[1]);
    assert_eq!(desk.work("process").await?, 5);
    for question in archive.questions() {
        assert_eq!(question.tenant, "default");
        assert_eq!(question.campaign.as_deref(), Some("summer"));
        assert_eq!(question.from.as_deref(), Some("2026-11-01T00:00:00Z"));
        assert!(question.to.is_some());
    }
    desk.close().await
}

#[tokio::test]
async fn what_is_cut_already_and_what_cannot_be_cut_is_left_out() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let mut generations = Vec::new();
    for state in [
        ImageState::Ready,
        ImageState::Withheld,
        ImageState::Stored,
        ImageState::Undecodable,
    ] {
        let mut generation = generation()?;
        generation.images[0].state = state;
        generations.push(generation);
    }
    let mut untagged = generation()?;
    if let Some(job) = &mut untagged.job {
        job.request.tags.clear();
    }
    generations.push(untagged);
    let mut cut = generation()?;
    let key = key_of(&cut)?;
    cut.apply(&with_cut(&cut, &key)?);
    generations.push(cut);
    let order = json!({ "tag": "sale", "presets": ["thumbnail"] });

    let archive = Archive::new(generations);
    let plan = with(&desk, &archive, async {
        let plan = derive(&desk, "?plan=true", &order).send().await?;
        body(plan, StatusCode::OK).await
    })
    .await?;
    // Of a generation that is over, one that is only stored has turned up late.
    assert_eq!((&plan["images"], &plan["cuts"]), (&json!(2), &json!(2)));
    assert_eq!(
        (&plan["alreadyCut"], &plan["unavailable"]),
        (&json!(1), &json!(2))
    );
    desk.close().await
}

/// Where its thumbnail belongs.
fn key_of(generation: &Generation) -> anyhow::Result<String> {
    let presets = imaging::Presets::builtin();
    let preset = presets.get("thumbnail").context("no such preset")?;
    let image = &generation.images[0];
    let file = format!("thumbnail-{}.jpg", preset.version());
    let key = storage::Key::derived(&generation.id, image.index, &image.sha256, &file)?;
    Ok(key.to_string())
}

fn with_cut(generation: &Generation, key: &str) -> anyhow::Result<Event> {
    let job = generation.job.clone().context("no job")?;
    let mut image = generation.images[0].clone();
    image.derivatives.push(domain::Derivative {
        preset: "thumbnail".to_owned(),
        url: String::new(),
        key: key.to_owned(),
        width: 400,
        height: 400,
        format: "jpeg".to_owned(),
        bytes: 9,
        sha256: String::new(),
        crop_loss: 0.0,
        upscaled: false,
        review: Vec::new(),
    });
    let at = Timestamp::now();
    Ok(Event::from(ImageReady {
        job,
        image,
        derivation: None,
        at,
    }))
}

#[tokio::test]
async fn an_order_is_for_what_its_plan_showed() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let archive = Archive::of(1)?;
    let order = json!({ "presets": ["thumbnail"], "plan": "another" });
    let problem = with(&desk, &archive, async {
        body(
            derive(&desk, "", &order).send().await?,
            StatusCode::CONFLICT,
        )
        .await
    })
    .await?;

    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|why| why.contains("make the plan again"))
    );
    assert_eq!(desk.work("process").await?, 0);
    desk.close().await
}

#[tokio::test]
async fn generations_may_be_named_and_those_of_others_are_not_found() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let mut archive = Archive::of(3)?;
    archive.generations[2].tenant = "acme".parse::<Tenant>()?;
    let ids: Vec<String> = archive
        .generations
        .iter()
        .map(|known| known.id.to_string())
        .collect();
    with(&desk, &archive, async {
        let own = json!({ "ids": ids[..2], "presets": ["thumbnail"] });
        let receipt = derive(&desk, "", &own).send().await?;
        let receipt = body(receipt, StatusCode::ACCEPTED).await?;
        assert_eq!(receipt["images"], 2);
        let all = json!({ "ids": ids, "presets": ["thumbnail"] });
        let problem = derive(&desk, "", &all).send().await?;
        let problem = body(problem, StatusCode::NOT_FOUND).await?;
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(&ids[2]), "{problem}");
        Ok(())
    })
    .await?;

    assert_eq!(desk.work("process").await?, 2);
    desk.close().await
}

#[tokio::test]
async fn an_order_that_is_interrupted_says_how_far_it_came_and_can_be_repeated()
-> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let mut archive = Archive::of(4)?;
    if let Some(job) = &mut archive.generations[2].job {
        job.request.prompt = "a fox".repeat(2000);
    }
    let order = json!({ "presets": ["thumbnail"] });
    with(&desk, &archive, async {
        desk.limit_work(Some(8_000)).await?;
        let problem = derive(&desk, "", &order).send().await?;
        let problem = body(problem, StatusCode::SERVICE_UNAVAILABLE).await?;
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(
            detail.starts_with("3 of 4 pictures are ordered"),
            "{problem}"
        );
        assert_eq!(problem["retryable"], true);

        desk.limit_work(None).await?;
        let receipt = derive(&desk, "", &order).send().await?;
        body(receipt, StatusCode::ACCEPTED).await
    })
    .await?;
    assert_eq!(desk.work("process").await?, 4, "none twice");
    desk.close().await
}

#[tokio::test]
async fn a_preset_that_makes_no_sense_is_refused_by_name_at_both_doors() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let presets = json!(["thumbnail", { "preset": "instagram", "gravity": "upwards" }]);

    for (path, order) in [
        (
            "/v1/generations",
            json!({ "prompt": "a kite", "presets": presets }),
        ),
        ("/v1/derivations", json!({ "presets": presets })),
    ] {
        let refused = desk.post_to(path).json(&order).send().await?;
        let problem = body(refused, StatusCode::UNPROCESSABLE_ENTITY).await?;
        assert_eq!(problem["field"], "presets[1].gravity", "{path}: {problem}");
        assert_eq!(problem["billed"], "no");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(
            detail.contains("text-safe"),
            "it says what would do: {detail}"
        );
    }
    assert_eq!(desk.at_the_door().await?, 0);
    desk.close().await
}
