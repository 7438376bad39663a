//! Every operation against the simulator, which refuses what the provider would refuse.

use anyhow::{Context, ensure};
use domain::{Draft, Usd};
use ideogram::{Answer, Api, Call, Client, Error, Progress, plan};
use ideogram_sim::{Config, Picture, Simulator};

use crate::pictures::{files, picture, pinned};
use crate::{client, refused};

/// Operation, model, what else is asked, the route that does it, and the published bound in USD
/// micros; 0 if there is none, so that the provider is asked.
type Row = (
    &'static str,
    &'static str,
    fn(&mut Draft),
    &'static str,
    i64,
);

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn plain(_: &mut Draft) {}

fn two(draft: &mut Draft) {
    draft.num_images = Some(2);
}

fn custom(draft: &mut Draft) {
    draft.custom_model = text("model/kites/version/2");
}

fn character(draft: &mut Draft) {
    draft.character_reference = Some(picture());
    draft.character_mask = Some(picture());
    draft.style_references = vec![picture()];
}

fn transparent(draft: &mut Draft) {
    draft.transparent = Some(true);
}

fn sources(draft: &mut Draft) {
    draft.source_images = vec![picture(), picture()];
}

fn masked(draft: &mut Draft) {
    draft.mask = Some(picture());
}

fn wide(draft: &mut Draft) {
    draft.aspect_ratio = text("16x9");
}

#[rustfmt::skip]
const V2: &[Row] = &[
    ("generate", "V_2", plain, "/v2/image/generate/ideogram-2", 80_000),
    ("generate", "V_2A_TURBO", two, "/v2/image/generate/ideogram-2a", 50_000),
    ("generate", "V_3", |d| d.style_references = vec![picture(), picture()],
        "/v2/image/generate/ideogram-3", 60_000),
    ("generate", "V_3", character, "/v2/image/generate/ideogram-3-character", 150_000),
    ("generate", "V_3", custom, "/v2/image/generate/ideogram-3-custom-model", 0),
    ("generate", "V_3", |d| { transparent(d); d.upscale_factor = text("x2"); },
        "/v2/image/generate/ideogram-3-transparent", 190_000),
    ("generate", "ideogram-4", |d| d.rendering_speed = text("QUALITY"),
        "/v2/image/generate/ideogram-4", 100_000),
    ("generate", "ideogram-4", custom, "/v2/image/generate/ideogram-4-custom-model", 0),
    ("generate", "ideogram-4", transparent, "/v2/image/generate/ideogram-4-transparent", 60_000),
    ("generate", "ideogram-4", |d| { transparent(d); d.resolution_tier = text("2k"); },
        "/v2/image/generate/ideogram-4-transparent", 0),
    ("generate", "ideogram-4-5", plain, "/v2/image/generate/ideogram-4-5", 100_000),
    ("generate", "ideogram-4-5", sources, "/v2/image/generate/ideogram-4-5", 60_000),
    ("generate", "ideogram-4-5", |d| { sources(d); wide(d); d.quality = text("very_low"); },
        "/v2/image/generate/ideogram-4-5", 8_000),
    ("generate", "ideogram-4-5", |d| { sources(d); masked(d); d.quality = text("high"); },
        "/v2/image/generate/ideogram-4-5", 220_000),
    ("generate", "auto", plain, "/v2/image/generate/auto", 30_000),
    ("generate", "auto", sources, "/v2/image/generate/auto", 0),
    ("generate", "p-image-ideogram", plain, "/v2/image/generate/p-image-ideogram", 10_000),
    ("generate", "p-image-ideogram", |d| { d.resolution_tier = text("2k"); wide(d); },
        "/v2/image/generate/p-image-ideogram", 0),
    ("generate", "z-image", wide, "/v2/image/generate/z-image", 5_000),
    ("generate", "z-image", |d| d.resolution = text("2048x1024"), "/v2/image/generate/z-image", 0),
    ("generate", "gpt-image-2", plain, "/v2/image/generate/gpt-image-2", 211_000),
    ("generate", "gpt-image-2", |d| { sources(d); wide(d); }, "/v2/image/generate/gpt-image-2", 0),
    ("generate", "gpt-image-2-5-flare", plain, "/v2/image/generate/gpt-image-2-5-flare", 52_900),
    ("generate", "gpt-image-2-5-sunburst", |d| { transparent(d); d.quality = text("low"); },
        "/v2/image/generate/gpt-image-2-5-sunburst", 0),
    ("generate", "nano-banana-2", plain, "/v2/image/generate/nano-banana-2", 67_200),
    ("generate", "nano-banana-pro", |d| d.resolution_tier = text("2k"),
        "/v2/image/generate/nano-banana-pro", 0),
    ("edit", "V_3", masked, "/v2/image/inpaint/ideogram-3", 60_000),
    ("edit", "V_3", |d| { masked(d); character(d); },
        "/v2/image/inpaint/ideogram-3-character", 150_000),
    ("edit", "V_3", |d| { masked(d); custom(d); }, "/v2/image/inpaint/ideogram-3-custom-model", 0),
    ("edit", "ideogram-4-5", plain, "/v2/image/precise-edit/ideogram-4-5", 60_000),
    ("edit", "ideogram-4-5", |d| { sources(d); masked(d); },
        "/v2/image/precise-edit/ideogram-4-5", 60_000),
    ("edit", "gpt-image-2-5-flare", masked, "/v2/image/generate/gpt-image-2-5-flare", 0),
    ("remix", "auto", wide, "/v2/image/remix/auto", 0),
    ("remix", "V_3", |d| { d.image_weight = Some(30); d.style_preset = text("ART_DECO"); },
        "/v2/image/remix/ideogram-3", 60_000),
    ("remix", "V_3", character, "/v2/image/remix/ideogram-3-character", 150_000),
    ("remix", "V_3", custom, "/v2/image/remix/ideogram-3-custom-model", 0),
    ("remix", "ideogram-4", |d| { d.image_weight = Some(30); d.rendering_speed = text("TURBO"); },
        "/v2/image/remix/ideogram-4", 30_000),
    ("reframe", "V_3", |d| { wide(d); two(d); }, "/v2/image/reframe/ideogram-3", 120_000),
    ("reframe", "nano-banana-2", |d| d.aspect_ratio = text("21:9"),
        "/v2/image/reframe/nano-banana-2", 0),
    ("replace-background", "V_3", plain, "/v2/image/replace-background/ideogram-3", 60_000),
    ("replace-background", "gpt-image-2", plain,
        "/v2/image/replace-background/gpt-image-2", 226_700),
    ("remove-background", "auto", plain, "/v2/image/remove-background/ideogram-1", 10_000),
    ("upscale", "auto", |d| d.upscale_factor = text("x4"), "/v2/image/upscale/auto", 0),
    ("upscale", "nano-banana-pro", |d| d.prompt = text("crisp"),
        "/v2/image/upscale/nano-banana-pro", 0),
    ("upscale", "topaz-bloom-2", plain, "/v2/image/upscale/topaz-bloom-2", 0),
    ("upscale", "topaz-redefine", plain, "/v2/image/upscale/topaz-redefine", 0),
    ("upscale", "topaz-standard-2", plain, "/v2/image/upscale/topaz-standard-2", 0),
    ("upscale", "topaz-text-refine", plain, "/v2/image/upscale/topaz-text-refine", 0),
    ("upscale", "topaz-wonder-3-5", plain, "/v2/image/upscale/topaz-wonder-3-5", 0),
    ("describe", "V_3", plain, "/v2/image/describe/ideogram-3", 10_000),
    ("describe", "ideogram-4", plain, "/v2/image/describe/ideogram-4", 10_000),
];

#[rustfmt::skip]
const V1: &[Row] = &[
    ("generate", "V_3", character, "/v1/ideogram-v3/generate", 150_000),
    ("generate", "V_3", transparent, "/v1/ideogram-v3/generate-transparent", 70_000),
    ("edit", "V_3", masked, "/v1/ideogram-v3/inpaint", 60_000),
    ("remix", "V_3", |d| { wide(d); d.image_weight = Some(70); }, "/v1/ideogram-v3/remix", 60_000),
    ("reframe", "V_3", wide, "/v1/ideogram-v3/reframe", 60_000),
    ("replace-background", "V_3", two, "/v1/ideogram-v3/replace-background", 120_000),
];

#[rustfmt::skip]
const LEGACY: &[Row] = &[
    ("generate", "V_2", |d| d.resolution = text("1312x736"), "/generate", 80_000),
    ("remix", "V_1_TURBO", |d| d.image_weight = Some(20), "/remix", 20_000),
    ("edit", "V_2_TURBO", masked, "/edit", 50_000),
    ("reframe", "V_2", wide, "/reframe", 80_000),
    ("upscale", "auto", plain, "/upscale", 60_000),
    ("describe", "V_2", plain, "/describe", 10_000),
];

fn draft((operation, model, more, ..): Row) -> Draft {
    let mut draft = Draft {
        operation: text(operation),
        model: text(model),
        ..Draft::default()
    };
    if matches!(
        operation,
        "generate" | "edit" | "remix" | "replace-background"
    ) {
        draft.prompt = text("a red kite");
    }
    if operation != "generate" {
        draft.source_images = vec![picture()];
    }
    more(&mut draft);
    draft
}

async fn simulator() -> anyhow::Result<Simulator> {
    Simulator::start(Config {
        picture: Picture::Tiny,
        ..Config::default()
    })
    .await
}

/// How many images and texts came of it, after a poll if there is nothing yet.
async fn made(client: &Client, answer: Answer) -> anyhow::Result<(usize, usize)> {
    match answer {
        Answer::Done { images, texts, .. } => {
            let linked = images.iter().filter(|image| image.url.is_some());
            Ok((linked.count(), texts.len()))
        }
        Answer::Accepted { provider_id, .. } => match client.poll(&provider_id).await? {
            Progress::Completed { images, .. } => Ok((images.len(), 0)),
            other => anyhow::bail!("{other:?}"),
        },
    }
}

async fn run(row: Row, api: Api, simulator: &Simulator) -> anyhow::Result<()> {
    let (operation, _, _, route, bound) = row;
    let client = client(&simulator.api_url())?;
    let call = plan(&pinned(&draft(row))?, api)?;
    ensure!(call.route == route, "goes to {}", call.route);
    let published = (bound > 0).then(|| Usd::from_micros(bound));
    ensure!(call.upper_bound == published, "{:?}", call.upper_bound);

    let files = files(&call)?;
    let mut bound = published;
    if call.is_quotable() {
        let quote = client.quote(&call, &files).await?;
        let quoted = quote.upper_bound.context("a quote without a bound")?;
        ensure!(published.is_none_or(|usd| quoted <= usd), "{quote:?}");
        bound = bound.or(Some(quoted));
    } else {
        let quote = refused(client.quote(&call, &files).await)?;
        ensure!(matches!(quote, Error::NoQuote(_)), "{quote:?}");
    }
    let before = simulator.bill().len();
    let answer = client.submit(&call, &files).await?;

    ensure!(
        matches!(answer, Answer::Accepted { .. }) == call.asynchronous,
        "{answer:?}"
    );
    let bill = simulator.bill();
    ensure!(bill.len() == before + 1, "{} charges", bill.len());
    let charge = bill.last().context("no charge")?;
    ensure!(charge.route == route, "{charge:?}");
    ensure!(
        Some(Usd::from_micros(charge.usd_micros)) <= bound,
        "{charge:?} {bound:?}"
    );
    let wanted = if operation == "describe" {
        (0, 1)
    } else {
        (call.images as usize, 0)
    };
    let made = made(&client, answer).await?;
    ensure!(
        made == wanted || (operation == "describe" && made.1 > 0),
        "{made:?}"
    );
    Ok(())
}

#[tokio::test]
async fn every_operation_of_every_model_is_done_and_costs_no_more_than_it_was_said_to()
-> anyhow::Result<()> {
    let simulator = simulator().await?;
    let mut faults = Vec::new();
    for (api, rows) in [(Api::Auto, V2), (Api::V1, V1), (Api::Legacy, LEGACY)] {
        for &row in rows {
            if let Err(err) = run(row, api, &simulator).await {
                faults.push(format!("{} {} to {}: {err:#}", row.0, row.1, row.3));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

/// Two calls of one shape share a quote, so nothing that moves the price may be left out of it.
#[test]
fn what_moves_a_price_is_part_of_its_shape_and_what_does_not_is_not() -> anyhow::Result<()> {
    let shape = |row: Row, more: fn(&mut Draft)| -> anyhow::Result<String> {
        let mut draft = draft(row);
        more(&mut draft);
        let call: Call = plan(&pinned(&draft)?, Api::Auto)?;
        Ok(call.pricing_shape())
    };
    let gpt: Row = ("generate", "gpt-image-2-5-flare", plain, "", 0);
    let upscale: Row = ("upscale", "auto", plain, "", 0);

    let usual = shape(gpt, plain)?;
    for same in [
        (|d| d.prompt = text("a blue kite")) as fn(&mut Draft),
        |d| d.seed = Some(7),
        |d| d.campaign = text("autumn"),
    ] {
        assert_eq!(shape(gpt, same)?, usual);
    }
    for other in [two as fn(&mut Draft), sources, transparent, wide, |d| {
        d.quality = text("low")
    }] {
        assert_ne!(shape(gpt, other)?, usual);
    }
    let usual = shape(upscale, plain)?;
    assert!(usual.contains("image=256x256"), "{usual}");
    assert_ne!(shape(upscale, |d| d.upscale_factor = text("x8"))?, usual);
    Ok(())
}
