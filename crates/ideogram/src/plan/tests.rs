mod inputs;
mod shapes;

use anyhow::Context;
use domain::{
    AspectRatio, Code, ColorPalette, MagicPrompt, Model, Quality, RenderingSpeed, WeightedColor,
};
use serde_json::json;

use super::*;

const MODELS: [Model; 9] = [
    Model::V1,
    Model::V1Turbo,
    Model::V2,
    Model::V2Turbo,
    Model::V2A,
    Model::V2ATurbo,
    Model::V3,
    Model::V4,
    Model::V45,
];

fn kite(model: Model) -> Request {
    Request {
        model,
        ..Request::new("a red kite")
    }
}

/// The body as the provider reads it.
fn sent(call: &Call) -> anyhow::Result<serde_json::Value> {
    Ok(serde_json::to_value(call.fields())?)
}

/// A request with one more field, told by its name and value as a user writes them.
fn with(mut request: Request, field: &str, value: &str) -> anyhow::Result<Request> {
    match field {
        "negativePrompt" => request.negative_prompt = Some(value.to_owned()),
        "styleType" => request.style_type = Some(value.parse()?),
        "aspectRatio" => request.aspect_ratio = Some(value.parse()?),
        "resolution" => {
            request.aspect_ratio = None;
            request.resolution = Some(value.parse()?);
        }
        "renderingSpeed" => request.rendering_speed = Some(value.parse()?),
        "quality" => request.quality = Some(value.parse()?),
        "colorPalette" => request.color_palette = Some(ColorPalette::Preset(value.to_owned())),
        "stylePreset" => request.style_preset = Some(value.to_owned()),
        "styleCodes" => request.style_codes = vec![value.to_owned()],
        _ => anyhow::bail!("no field {field}"),
    }
    Ok(request)
}

fn refused<T>(call: Result<T, Invalid>) -> anyhow::Result<Invalid> {
    call.err().context("it can be drawn")
}

/// `2`, `2a`, `3`, `4`, `4-5` for the routes of v2, `old` and `v1` for the others, `-` for none.
fn name(call: &Result<Call, Invalid>) -> String {
    match call {
        Ok(call) if call.route == "/generate" => "old".to_owned(),
        Ok(call) if call.route.starts_with("/v1/") => "v1".to_owned(),
        Ok(call) => call.route.replace("/v2/image/generate/ideogram-", ""),
        Err(_) => "-".to_owned(),
    }
}

#[test]
fn every_field_of_every_model_goes_by_the_newest_route_that_can_say_it() -> anyhow::Result<()> {
    #[rustfmt::skip]
    let table = [
        //                                   V_1    _TURBO V_2    _TURBO V_2A   _TURBO V_3  4    4-5
        ("aspectRatio",    "1x1",           ["old", "old", "2",   "2",   "2a",  "2a",  "3", "4", "4-5"]),
        ("aspectRatio",    "16x9",          ["old", "old", "2",   "2",   "2a",  "2a",  "3", "4", "4-5"]),
        ("aspectRatio",    "4x5",           ["-",   "-",   "2",   "2",   "2a",  "2a",  "3", "4", "4-5"]),
        ("aspectRatio",    "3x1",           ["old", "old", "2",   "2",   "2a",  "2a",  "3", "4", "4-5"]),
        ("aspectRatio",    "1x4",           ["-",   "-",   "-",   "-",   "-",   "-",   "-", "-", "-"]),
        ("styleType",      "AUTO",          ["-",   "-",   "2",   "2",   "2a",  "2a",  "3", "-", "-"]),
        ("styleType",      "DESIGN",        ["-",   "-",   "2",   "2",   "2a",  "2a",  "3", "-", "-"]),
        ("styleType",      "RENDER_3D",     ["-",   "-",   "2",   "2",   "2a",  "2a",  "-", "-", "-"]),
        ("styleType",      "ANIME",         ["-",   "-",   "2",   "2",   "2a",  "2a",  "-", "-", "-"]),
        ("styleType",      "FICTION",       ["-",   "-",   "old", "old", "old", "old", "3", "-", "-"]),
        ("negativePrompt", "rain",          ["old", "old", "2",   "2",   "-",   "-",   "3", "-", "-"]),
        ("resolution",     "1024x1024",     ["-",   "-",   "old", "old", "-",   "-",   "3", "4", "4-5"]),
        ("resolution",     "720x1280",      ["-",   "-",   "old", "old", "-",   "-",   "-", "4", "4-5"]),
        ("resolution",     "2048x2048",     ["-",   "-",   "-",   "-",   "-",   "-",   "-", "4", "4-5"]),
        ("resolution",     "512x1536",      ["-",   "-",   "old", "old", "-",   "-",   "3", "4", "-"]),
        ("renderingSpeed", "TURBO",         ["-",   "-",   "-",   "-",   "-",   "-",   "3", "4", "-"]),
        ("quality",        "low",           ["-",   "-",   "-",   "-",   "-",   "-",   "-", "-", "4-5"]),
        ("colorPalette",   "ember",         ["-",   "-",   "old", "old", "-",   "-",   "3", "-", "-"]),
        ("colorPalette",   "beige",         ["-",   "-",   "-",   "-",   "-",   "-",   "-", "-", "-"]),
        ("stylePreset",    "art_deco",      ["-",   "-",   "-",   "-",   "-",   "-",   "3", "-", "-"]),
        ("stylePreset",    "ART_NOUVEAU",   ["-",   "-",   "-",   "-",   "-",   "-",   "-", "-", "-"]),
        ("styleCodes",     "0a1b2c3d",      ["-",   "-",   "-",   "-",   "-",   "-",   "3", "-", "-"]),
    ];

    for (field, value, routes) in table {
        for (model, route) in MODELS.into_iter().zip(routes) {
            let call = plan(&with(kite(model), field, value)?, Api::Auto);

            assert_eq!(name(&call), route, "{model} {field} {value}: {call:?}");
            if let Err(invalid) = call {
                assert_eq!(invalid.field, field, "{model} {value}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_forced_api_draws_with_its_own_models_only() {
    #[rustfmt::skip]
    let table = [
        (Api::V2,     ["-",   "-",   "2",   "2",   "2a",  "2a",  "3",  "4", "4-5"]),
        (Api::V1,     ["-",   "-",   "-",   "-",   "-",   "-",   "v1", "v1", "-"]),
        (Api::Legacy, ["old", "old", "old", "old", "old", "old", "-",  "-", "-"]),
    ];

    for (api, routes) in table {
        for (model, route) in MODELS.into_iter().zip(routes) {
            let call = plan(&kite(model), api);

            assert_eq!(name(&call), route, "{api} {model}");
            if let Err(invalid) = call {
                assert_eq!(
                    (invalid.field.as_str(), invalid.code),
                    ("model", Code::Unsupported)
                );
            }
        }
    }
}

#[test]
fn what_two_routes_can_say_only_apart_is_refused_as_a_combination() -> anyhow::Result<()> {
    let request = with(
        with(kite(Model::V2), "colorPalette", "EMBER")?,
        "aspectRatio",
        "4x5",
    )?;

    let invalid = refused(plan(&request, Api::Auto))?;

    assert_eq!(invalid.field, "colorPalette");
    assert!(invalid.reason.contains("aspectRatio"), "{invalid}");
    Ok(())
}

#[test]
fn codes_exclude_the_preset_and_the_style() -> anyhow::Result<()> {
    let codes = with(kite(Model::V3), "styleCodes", "0a1b2c3d")?;
    for (field, value) in [("stylePreset", "AURA"), ("styleType", "DESIGN")] {
        let invalid = refused(plan(&with(codes.clone(), field, value)?, Api::Auto))?;
        assert_eq!(invalid.field, field);
    }
    Ok(())
}

#[test]
fn a_size_that_is_not_drawn_is_answered_with_the_nearest() -> anyhow::Result<()> {
    let request = with(kite(Model::V3), "resolution", "1300x740")?;

    let invalid = refused(plan(&request, Api::Auto))?;

    assert!(invalid.reason.contains("1312x736"), "{invalid}");
    Ok(())
}

#[test]
fn a_shape_has_the_size_that_its_model_gives_it() -> anyhow::Result<()> {
    for (model, shape, size) in [
        (Model::V1, "16x9", "1280x720"),
        (Model::V2, "ASPECT_16_9", "1312x736"),
        (Model::V2, "8:5", "1280x800"),
        (Model::V3, "1x2", "704x1408"),
        (Model::V4, "1x1", "1024x1024"),
        (Model::V4, "16x9", "1280x720"),
        (Model::V4, "1x3", "512x1536"),
        (Model::V4, "8x3", "3328x1248"),
        (Model::V45, "4x5", "896x1120"),
        (Model::V45, "1x3", "1024x3072"),
    ] {
        let call = plan(&with(kite(model), "aspectRatio", shape)?, Api::Auto)?;
        assert_eq!(call.resolution, Some(size.parse()?), "{model} {shape}");
    }
    Ok(())
}

/// The seed's two requests, field for field.
#[test]
fn the_old_route_is_asked_as_it_always_was() -> anyhow::Result<()> {
    let mut request = kite(Model::V2);
    request.aspect_ratio = Some(AspectRatio {
        width: 16,
        height: 9,
    });
    let tracked = plan(&request, Api::Legacy)?;
    request.style_type = Some("REALISTIC".parse()?);
    let queued = plan(&request, Api::Legacy)?;

    assert_eq!(
        sent(&tracked)?,
        json!({"image_request": {
            "prompt": "a red kite",
            "model": "V_2",
            "aspect_ratio": "ASPECT_16_9",
            "magic_prompt_option": "AUTO",
        }})
    );
    assert_eq!(
        sent(&queued)?,
        json!({"image_request": {
            "prompt": "a red kite",
            "model": "V_2",
            "style_type": "REALISTIC",
            "aspect_ratio": "ASPECT_16_9",
            "magic_prompt_option": "AUTO",
        }})
    );
    assert!(!queued.asynchronous);
    Ok(())
}

#[test]
fn the_old_route_has_names_of_its_own_for_sizes_and_colours() -> anyhow::Result<()> {
    let mut request = with(kite(Model::V2Turbo), "resolution", "1312x736")?;
    request.num_images = 2;
    request.seed = Some(7);
    let hex = "#FF8800".to_owned();
    let colors = vec![
        WeightedColor {
            hex: hex.clone(),
            weight: Some(0.7),
        },
        WeightedColor { hex, weight: None },
    ];
    request.color_palette = Some(ColorPalette::Colors(colors));

    assert_eq!(
        sent(&plan(&request, Api::Auto)?)?,
        json!({"image_request": {
            "prompt": "a red kite",
            "model": "V_2_TURBO",
            "resolution": "RESOLUTION_1312_736",
            "magic_prompt_option": "AUTO",
            "num_images": 2,
            "seed": 7,
            "color_palette": {"members": [
                {"color_hex": "#FF8800", "color_weight": 0.7},
                {"color_hex": "#FF8800"},
            ]},
        }})
    );
    Ok(())
}

#[test]
fn the_new_routes_are_asked_privately_and_without_waiting() -> anyhow::Result<()> {
    let mut turbo = with(kite(Model::V2Turbo), "styleType", "DESIGN")?;
    turbo.negative_prompt = Some("rain".to_owned());
    turbo.seed = Some(0);
    let mut best = kite(Model::V45);
    best.num_images = 2;
    best.magic_prompt = MagicPrompt::Off;
    best.quality = Some(Quality::Medium);

    assert_eq!(
        sent(&plan(&turbo, Api::Auto)?)?,
        json!({
            "prompt": "a red kite",
            "negative_prompt": "rain",
            "aspect_ratio": "1x1",
            "style_type": "design",
            "magic_prompt": "auto",
            "seed": 0,
            "num_images": 1,
            "rendering_speed": "turbo",
            "private": true,
            "async": true,
        })
    );
    assert_eq!(
        sent(&plan(&best, Api::Auto)?)?,
        json!({
            "prompt": "a red kite",
            "size": "1024x1024",
            "magic_prompt": "off",
            "num_images": 2,
            "quality": "medium",
            "private": true,
            "async": true,
        })
    );
    Ok(())
}

#[test]
fn version_one_is_asked_in_capitals() -> anyhow::Result<()> {
    let mut request = with(kite(Model::V3), "stylePreset", "art_deco")?;
    request.rendering_speed = Some(RenderingSpeed::Quality);
    request.color_palette = Some(ColorPalette::Preset("Ember".to_owned()));

    let call = plan(&request, Api::V1)?;

    assert_eq!(
        sent(&call)?,
        json!({
            "prompt": "a red kite",
            "aspect_ratio": "1x1",
            "style_preset": "ART_DECO",
            "color_palette": {"name": "EMBER"},
            "magic_prompt": "AUTO",
            "num_images": 1,
            "rendering_speed": "QUALITY",
        })
    );
    assert!(!call.asynchronous);
    Ok(())
}

#[test]
fn a_call_knows_the_most_it_can_cost() -> anyhow::Result<()> {
    for (model, images, micros) in [
        (Model::V2, 1, 80_000),
        (Model::V2ATurbo, 4, 100_000),
        (Model::V45, 8, 800_000),
    ] {
        let call = plan(
            &Request {
                num_images: images,
                ..kite(model)
            },
            Api::Auto,
        )?;
        assert_eq!(
            (call.images, call.upper_bound),
            (images, Some(Usd::from_micros(micros))),
            "{model}"
        );
    }
    Ok(())
}

#[test]
fn only_calls_that_do_not_wait_take_a_webhook() -> anyhow::Result<()> {
    let url = Url::parse("https://hooks.test/webhooks/ideogram/1")?;
    let new = plan(&kite(Model::V2), Api::Auto)?;
    let old = plan(&kite(Model::V2), Api::Legacy)?;

    assert_eq!(sent(&new)?.get("webhook_url"), None);
    assert_eq!(sent(&new.with_webhook(&url))?["webhook_url"], url.as_str());
    assert_eq!(old.clone().with_webhook(&url), old);
    Ok(())
}
