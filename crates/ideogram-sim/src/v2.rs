//! `POST /v2/image/generate/{model}`: the path names the model.

use crate::answer::Refusal;
use crate::catalogue::{
    PALETTES_LOWER, RATIOS, STYLE_PRESETS_LOWER, STYLES_V2, STYLES_V3_LOWER, Size, V3_RESOLUTIONS,
    V4_RESOLUTIONS, V45_SIZES, parse_size,
};
use crate::fields::Fields;
use crate::order::{Model, Order, rewritten, webhook_url};
use crate::price;
use crate::v1::{check_palette, check_styles, unsupported, v3_size};

/// The v2 models that are simulated, by their path.
pub(crate) const ROUTES: [(&str, Model); 5] = [
    ("/v2/image/generate/ideogram-2", Model::V2),
    ("/v2/image/generate/ideogram-2a", Model::V2a),
    ("/v2/image/generate/ideogram-3", Model::V3),
    ("/v2/image/generate/ideogram-4", Model::V4),
    ("/v2/image/generate/ideogram-4-5", Model::V45),
];

const MAX_PROMPT: usize = 10_000;
const MAX_URL: usize = 2_048;

/// Validates a v2 body.
pub(crate) fn order(
    route: &str,
    model: Model,
    fields: Fields<'_>,
    allow_loopback: bool,
) -> Result<Order, Refusal> {
    let prompt = fields.prompt(MAX_PROMPT)?;
    let images = fields.images()?;
    let seed = fields.seed()?;
    let magic = fields.choice("magic_prompt", &["auto", "on", "off"])?;
    let run_async = fields.flag("async", false)?.unwrap_or(false);
    let webhook = fields.text("webhook_url", MAX_URL)?;
    fields.flag("private", true)?;
    fields.flag("enable_copyright_detection", true)?;
    check_collection(fields)?;
    let tier = tier(model, fields)?;
    let (size, style) = shape(model, fields)?;
    unsupported(fields)?;
    let webhook = webhook
        .map(|text| webhook_url(text, allow_loopback))
        .transpose()?;
    Ok(Order {
        route: route.to_owned(),
        model,
        tier: tier.to_owned(),
        prompt: prompt.to_owned(),
        drawn_prompt: rewritten(prompt, magic),
        images,
        seed,
        size,
        style_type: style.map(str::to_owned),
        run_async: run_async || webhook.is_some(),
        webhook_url: webhook,
        usd_micros_each: price::usd_micros(model, tier),
    })
}

fn tier(model: Model, fields: Fields<'_>) -> Result<&'static str, Refusal> {
    if model == Model::V45 {
        return Ok(fields
            .choice("quality", &["low", "medium", "high"])?
            .unwrap_or("high"));
    }
    Ok(fields
        .choice("rendering_speed", &["turbo", "default", "quality"])?
        .unwrap_or("default"))
}

/// The size and the style, from the fields that this model knows.
fn shape(model: Model, fields: Fields<'_>) -> Result<(Size, Option<&'static str>), Refusal> {
    match model {
        Model::V45 => Ok((size_v45(fields)?, None)),
        Model::V4 => {
            let resolution = fields.choice("resolution", V4_RESOLUTIONS)?;
            Ok((
                resolution.and_then(parse_size).unwrap_or((2048, 2048)),
                None,
            ))
        }
        Model::V3 => {
            let resolution = fields.choice("resolution", V3_RESOLUTIONS)?;
            let ratio = fields.choice("aspect_ratio", RATIOS)?;
            let style = fields.choice("style_type", STYLES_V3_LOWER)?;
            let preset = fields.choice("style_preset", STYLE_PRESETS_LOWER)?;
            let codes = fields.style_codes()?;
            fields.text("negative_prompt", MAX_PROMPT)?;
            check_palette(fields, PALETTES_LOWER)?;
            check_styles(codes, style.is_some(), preset.is_some())?;
            Ok((v3_size(resolution, ratio)?, style))
        }
        _ => {
            let ratio = fields.choice("aspect_ratio", RATIOS)?;
            let style = fields.choice("style_type", STYLES_V2)?;
            if model == Model::V2 {
                fields.text("negative_prompt", MAX_PROMPT)?;
            }
            Ok((v3_size(None, ratio)?, style))
        }
    }
}

fn size_v45(fields: Fields<'_>) -> Result<Size, Refusal> {
    let Some(text) = fields.text("size", 32)? else {
        return Ok((1024, 1024));
    };
    match text {
        "auto" => Ok((1024, 1024)),
        "source" => Err(Refusal::invalid("size 'source' needs a source image.")),
        _ if V45_SIZES.contains(&text) => Ok(parse_size(text).unwrap_or((1024, 1024))),
        _ => Err(Refusal::invalid(format!("Invalid size: '{text}'."))),
    }
}

fn check_collection(fields: Fields<'_>) -> Result<(), Refusal> {
    const FIELD: &str = "target_collection_id";
    let Some(id) = fields.text(FIELD, 64)? else {
        return Ok(());
    };
    if id.len() == 22
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    {
        return Ok(());
    }
    Err(Refusal::schema(
        format_args!("'{id}' does not match '^[A-Za-z0-9_-]{{22}}$'"),
        FIELD,
    ))
}
