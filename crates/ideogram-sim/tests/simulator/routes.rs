//! Every route once, with the least that it takes: what it answers and what it costs.

use ideogram_sim::{Config, Picture};
use serde_json::Value;

use crate::harness::{Answer, Form, Rig, gradient, half_mask, png};

/// A path, its text fields, its files, the price of one image in USD micros, and the fields of the
/// answer.
type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
    i64,
    &'static str,
);

const PROMPT: &[(&str, &str)] = &[("prompt", "a kite")];
const MODEL: &[(&str, &str)] = &[
    ("prompt", "a kite"),
    ("custom_model_uri", "model/a/version/1"),
];
const R1: &str = "data generation_id seed";
const KIND: &str = "data generation_id generation_kind seed";
const R2: &str = "data generation_id height seed width";
const R3: &str = "generation_id height seed width";
const R4: &str = "generation_id";
const R5: &str = "data generation_id";
const V1: &str = "created data";
const LEGACY: &str = "created data request_id";
const IMAGE: &[&str] = &["image"];
const MASKED: &[&str] = &["image", "mask"];
const CHARACTER: &[&str] = &["character_reference_images"];

/// JSON where there are no files.
#[rustfmt::skip]
const CASES: &[Case] = &[
    ("/v2/image/generate/ideogram-2", PROMPT, &[], 80_000, R1),
    ("/v2/image/generate/ideogram-2a", PROMPT, &[], 40_000, R1),
    ("/v2/image/generate/ideogram-3", PROMPT, &[], 60_000, R1),
    ("/v2/image/generate/ideogram-3", PROMPT, &["style_reference_images"], 60_000, R1),
    ("/v2/image/generate/ideogram-3-character", PROMPT, CHARACTER, 150_000, R1),
    ("/v2/image/generate/ideogram-3-custom-model", MODEL, &[], 60_000, R1),
    ("/v2/image/generate/ideogram-3-transparent", PROMPT, &[], 70_000, R1),
    ("/v2/image/generate/ideogram-3-transparent", &[("prompt", "a"), ("upscale_factor", "x2")], &[], 190_000, R1),
    ("/v2/image/generate/ideogram-4", PROMPT, &[], 60_000, R1),
    ("/v2/image/generate/ideogram-4-custom-model", MODEL, &[], 60_000, R1),
    ("/v2/image/generate/ideogram-4-transparent", PROMPT, &[], 60_000, R1),
    ("/v2/image/generate/ideogram-4-5", PROMPT, &[], 100_000, KIND),
    ("/v2/image/generate/ideogram-4-5", PROMPT, &["images", "images"], 60_000, KIND),
    ("/v2/image/generate/ideogram-4-5", &[("prompt", "a"), ("quality", "very_low")], &["images", "mask"], 8_000, KIND),
    ("/v2/image/generate/auto", PROMPT, &[], 30_000, R1),
    ("/v2/image/generate/p-image-ideogram", PROMPT, &[], 10_000, R1),
    ("/v2/image/generate/z-image", PROMPT, &[], 5_000, R1),
    ("/v2/image/generate/gpt-image-2", PROMPT, &["images"], 211_000, R1),
    ("/v2/image/generate/gpt-image-2-5-flare", PROMPT, &[], 52_900, R1),
    ("/v2/image/generate/gpt-image-2-5-sunburst", PROMPT, &["images", "mask"], 52_900, R1),
    ("/v2/image/generate/nano-banana-2", PROMPT, &[], 67_200, R1),
    ("/v2/image/generate/nano-banana-pro", PROMPT, &["images"], 134_400, R1),
    ("/v2/image/precise-edit/ideogram-4-5", PROMPT, IMAGE, 60_000, KIND),
    ("/v2/image/inpaint/ideogram-3", PROMPT, MASKED, 60_000, R2),
    ("/v2/image/inpaint/ideogram-3-character", PROMPT, &["image", "mask", "character_reference_images"], 150_000, R2),
    ("/v2/image/inpaint/ideogram-3-custom-model", MODEL, MASKED, 60_000, R2),
    ("/v2/image/remix/auto", PROMPT, IMAGE, 30_000, R1),
    ("/v2/image/remix/ideogram-3", PROMPT, IMAGE, 60_000, R1),
    ("/v2/image/remix/ideogram-3-character", PROMPT, &["image", "character_reference_images"], 150_000, R1),
    ("/v2/image/remix/ideogram-3-custom-model", MODEL, IMAGE, 60_000, R1),
    ("/v2/image/remix/ideogram-4", PROMPT, IMAGE, 60_000, R1),
    ("/v2/image/reframe/ideogram-3", &[("resolution", "1344x704")], IMAGE, 60_000, R1),
    ("/v2/image/reframe/nano-banana-2", &[("aspect_ratio", "21:9")], IMAGE, 67_200, R3),
    ("/v2/image/replace-background/ideogram-3", PROMPT, IMAGE, 60_000, R4),
    ("/v2/image/replace-background/gpt-image-2", PROMPT, IMAGE, 226_700, R4),
    ("/v2/image/remove-background/ideogram-1", &[], IMAGE, 10_000, R5),
    ("/v2/image/remove-object/ideogram-1", &[], MASKED, 30_000, R4),
    ("/v2/image/upscale/auto", &[("upscale_factor", "x4")], IMAGE, 251_659, R2),
    ("/v2/image/upscale/nano-banana-pro", &[], IMAGE, 134_400, R2),
    ("/v2/image/upscale/topaz-bloom-2", &[("creativity", "9")], IMAGE, 377_488, R2),
    ("/v2/image/upscale/topaz-redefine", &[("texture", "2")], IMAGE, 251_659, R2),
    ("/v2/image/upscale/topaz-standard-2", &[("denoise", "0.5")], IMAGE, 125_830, R2),
    ("/v2/image/upscale/topaz-text-refine", &[], IMAGE, 125_830, R2),
    ("/v2/image/upscale/topaz-wonder-3-5", &[("enhancement_strength", "low")], IMAGE, 251_659, R2),
    ("/v2/image/describe/ideogram-3", &[], IMAGE, 10_000, "created description_id descriptions"),
    ("/v2/image/describe/ideogram-4", &[], IMAGE, 10_000, "created description_id json_prompt"),
    ("/v1/ideogram-v3/generate", PROMPT, &[], 60_000, V1),
    ("/v1/ideogram-v3/generate", PROMPT, CHARACTER, 150_000, V1),
    ("/v1/ideogram-v3/generate", PROMPT, &["style_reference_images"], 60_000, V1),
    ("/v1/ideogram-v3/generate-transparent", &[("prompt", "a"), ("upscale_factor", "X4")], &[], 230_000, V1),
    ("/v1/ideogram-v3/inpaint", PROMPT, MASKED, 60_000, V1),
    ("/v1/ideogram-v3/edit", &[("prompt", "a"), ("rendering_speed", "TURBO")], MASKED, 30_000, V1),
    ("/v1/ideogram-v3/remix", &[("prompt", "a"), ("image_weight", "10")], IMAGE, 60_000, V1),
    ("/v1/ideogram-v3/reframe", &[("resolution", "512x1536")], IMAGE, 60_000, V1),
    ("/v1/ideogram-v3/replace-background", PROMPT, IMAGE, 60_000, V1),
    ("/remix", &[("image_request", "{\"prompt\":\"a\",\"model\":\"V_2A\"}")], &["image_file"], 40_000, LEGACY),
    ("/edit", &[("prompt", "a"), ("model", "V_2_TURBO")], &["image_file", "mask"], 50_000, LEGACY),
    ("/reframe", &[("resolution", "RESOLUTION_1280_704"), ("model", "V_2")], &["image_file"], 80_000, LEGACY),
    ("/upscale", &[("image_request", "{\"detail\":90}")], &["image_file"], 60_000, LEGACY),
    ("/describe", &[("describe_model_version", "V_3")], &["image_file"], 10_000, "descriptions"),
];

async fn rig() -> anyhow::Result<Rig> {
    Rig::start(Config {
        picture: Picture::Tiny,
        ..Config::default()
    })
    .await
}

async fn call(rig: &Rig, (path, texts, files, ..): &Case) -> anyhow::Result<Answer> {
    if files.is_empty() {
        let fields = texts
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).into()));
        return rig.post(path, Value::Object(fields.collect())).await;
    }
    let (image, mask) = (png(&gradient())?, png(&half_mask())?);
    let form = texts
        .iter()
        .fold(Form::default(), |form, (name, text)| form.text(name, text));
    let form = files.iter().fold(form, |form, name| {
        let is_mask = *name == "mask";
        form.file(name, if is_mask { &mask } else { &image })
    });
    rig.send(path, form).await
}

#[tokio::test]
async fn every_route_answers_in_its_shape_at_its_price() -> anyhow::Result<()> {
    let rig = rig().await?;
    for case in CASES {
        let (path, .., micros, shape) = case;
        let answer = call(&rig, case).await?;

        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let mut names: Vec<_> = answer.json.as_object().into_iter().flatten().collect();
        names.sort_by_key(|(name, _)| name.as_str());
        let names: Vec<_> = names.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.join(" "), *shape, "{path}: {answer:?}");
        let last = rig.sim.bill().pop();
        assert_eq!(
            last.map(|charge| (charge.route, charge.usd_micros)),
            Some(((*path).to_owned(), *micros)),
            "{path}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn every_generation_can_be_polled_and_its_picture_fetched() -> anyhow::Result<()> {
    let rig = rig().await?;
    for case in CASES {
        let answer = call(&rig, case).await?;
        let Ok(id) = answer.text_at("/generation_id") else {
            continue;
        };
        let poll = rig.poll(&id).await?;

        let item = &poll.json["data"][0];
        let size = rig.pixels(&poll.text_at("/data/0/url")?).await?;
        assert_eq!(
            item["resolution"],
            format!("{}x{}", size.0, size.1),
            "{}",
            case.0
        );
        assert_eq!(poll.json["usage_cost_usd_micros"], case.3, "{}", case.0);
        let bare = item["object_type"] == "image.without-prompt-or-seed";
        assert_eq!(bare, item.get("prompt").is_none(), "{}: {item}", case.0);
        assert_eq!(bare, item.get("seed").is_none(), "{}: {item}", case.0);
    }
    Ok(())
}

#[tokio::test]
async fn only_the_routes_that_know_a_webhook_wait_for_none() -> anyhow::Result<()> {
    let rig = rig().await?;
    let hook = ("webhook_url", "https://example.com/hook");
    for (path, answers_at_once) in [
        ("/v2/image/generate/ideogram-4", true),
        ("/v2/image/generate/auto", false),
        ("/v1/ideogram-v3/generate", false),
    ] {
        let body = serde_json::json!({ "prompt": "a kite", hook.0: hook.1 });
        let answer = rig.post(path, body).await?;

        assert_eq!(answer.json.get("data").is_none(), answers_at_once, "{path}");
    }
    Ok(())
}
