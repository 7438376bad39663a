//! `POST /v1/ideogram-v3/generate`, and the rules that several routes share.

use serde_json::Value;

use crate::answer::Refusal;
use crate::catalogue::{
    PALETTES, RATIOS, STYLE_PRESETS, STYLES_V3, Size, V3_RESOLUTIONS, parse_size, ratio_size,
};
use crate::fields::Fields;
use crate::order::{Model, Order, rewritten};
use crate::price;

pub(crate) const ROUTE: &str = "/v1/ideogram-v3/generate";

const SPEEDS: &[&str] = &["FLASH", "TURBO", "BALANCED", "DEFAULT", "QUALITY"];
/// The schema states none; this is v2's.
const MAX_PROMPT: usize = 10_000;
const REFERENCES: [&str; 15] = [
    "images",
    "image_asset_identifiers",
    "mask",
    "style_reference_images",
    "style_reference_asset_identifiers",
    "style_reference_collection_id",
    "style_reference_collection_version_id",
    "character_reference_images",
    "character_reference_images_mask",
    "character_reference_asset_identifiers",
    "character_reference_collection_id",
    "character_reference_mask",
    "image_file",
    "image_asset_identifier",
    "custom_model_uri",
];

/// Validates a v1 body.
pub(crate) fn order(fields: Fields<'_>) -> Result<Order, Refusal> {
    let prompt = fields.prompt(MAX_PROMPT)?;
    let ratio = fields.choice("aspect_ratio", &RATIOS[1..])?;
    let resolution = fields.choice("resolution", V3_RESOLUTIONS)?;
    let speed = fields
        .choice("rendering_speed", SPEEDS)?
        .unwrap_or("DEFAULT");
    let magic = fields.choice("magic_prompt", &["AUTO", "ON", "OFF"])?;
    let style = fields.choice("style_type", STYLES_V3)?;
    let preset = fields.choice("style_preset", STYLE_PRESETS)?;
    let codes = fields.style_codes()?;
    let seed = fields.seed()?;
    let images = fields.images()?;
    fields.text("negative_prompt", MAX_PROMPT)?;
    check_palette(fields, PALETTES)?;
    unsupported(fields)?;
    check_styles(codes, style.is_some(), preset.is_some())?;

    let tier = if speed == "BALANCED" {
        "default".to_owned()
    } else {
        speed.to_ascii_lowercase()
    };
    Ok(Order {
        route: ROUTE.to_owned(),
        model: Model::V3,
        prompt: prompt.to_owned(),
        drawn_prompt: rewritten(prompt, magic),
        images,
        seed,
        size: v3_size(resolution, ratio)?,
        style_type: Some(style.unwrap_or("GENERAL").to_owned()),
        run_async: false,
        webhook_url: None,
        usd_micros_each: price::usd_micros(Model::V3, &tier),
        tier,
    })
}

/// The size of a 3.0 picture. `auto` leaves the shape to the model: here, a square.
pub(crate) fn v3_size(resolution: Option<&str>, ratio: Option<&str>) -> Result<Size, Refusal> {
    let size = match (resolution, ratio) {
        (Some(_), Some(_)) => {
            return Err(Refusal::invalid(
                "Only one of resolution and aspect_ratio may be given.",
            ));
        }
        (Some(resolution), None) => parse_size(resolution),
        (None, Some(ratio)) => ratio_size(ratio),
        (None, None) => None,
    };
    Ok(size.unwrap_or((1024, 1024)))
}

/// Style codes exclude a style type and a preset.
pub(crate) fn check_styles(codes: bool, style: bool, preset: bool) -> Result<(), Refusal> {
    if codes && style {
        return Err(Refusal::invalid(
            "style_codes cannot be combined with style_type.",
        ));
    }
    if codes && preset {
        return Err(Refusal::invalid(
            "style_preset cannot be combined with style_codes.",
        ));
    }
    Ok(())
}

/// Refuses what would change the picture and its price but cannot be simulated.
pub(crate) fn unsupported(fields: Fields<'_>) -> Result<(), Refusal> {
    match REFERENCES.iter().find(|name| fields.has(name)) {
        None => Ok(()),
        Some(name) => Err(Refusal::invalid(format!(
            "The simulator draws from text only; {name} is not simulated."
        ))),
    }
}

/// A palette is either a name or one to eight weighted colours.
pub(crate) fn check_palette(fields: Fields<'_>, names: &[&'static str]) -> Result<(), Refusal> {
    const FIELD: &str = "color_palette";
    let Some(palette) = fields.object(FIELD)? else {
        return Ok(());
    };
    let name = palette.choice("name", names)?;
    let members = palette.list("members")?;
    match (name, members) {
        (Some(_), None) => Ok(()),
        (None, Some(members)) if (1..=8).contains(&members.len()) => members
            .iter()
            .try_for_each(|member| check_colour(member, FIELD)),
        _ => Err(Refusal::schema(
            "exactly one of 'name' and 1 to 8 'members' must be given",
            FIELD,
        )),
    }
}

fn check_colour(member: &Value, field: &str) -> Result<(), Refusal> {
    let hex = member
        .get("color_hex")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let digits = hex.strip_prefix('#').unwrap_or_default();
    if !matches!(digits.len(), 3 | 6) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Refusal::schema(
            format_args!("'{hex}' is not a colour such as '#A0B1C2'"),
            field,
        ));
    }
    match member.get("color_weight") {
        None => Ok(()),
        Some(weight) if weight.as_f64().is_some_and(|w| (0.05..=1.0).contains(&w)) => Ok(()),
        Some(weight) => Err(Refusal::schema(
            format_args!("{weight} is not between 0.05 and 1.0"),
            field,
        )),
    }
}
