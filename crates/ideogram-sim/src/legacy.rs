//! `POST /generate`: the body names the model.

use crate::answer::Refusal;
use crate::catalogue::{
    LEGACY_RATIOS, LEGACY_RESOLUTIONS, PALETTES, STYLES_LEGACY, Size, ratio_size_v1,
};
use crate::fields::Fields;
use crate::order::{Model, Order, rewritten};
use crate::price;
use crate::v1::{check_palette, unsupported, v3_size};

pub(crate) const ROUTE: &str = "/generate";

const MODELS: &[&str] = &[
    "V_1",
    "V_1_TURBO",
    "V_2",
    "V_2_TURBO",
    "V_2A",
    "V_2A_TURBO",
    "V_3",
    "AUTO",
];
/// No limit is published for this route; this is v2's.
const MAX_PROMPT: usize = 10_000;

/// Validates `{"image_request": {…}}`.
pub(crate) fn order(body: Fields<'_>) -> Result<Order, Refusal> {
    let Some(fields) = body.object("image_request")? else {
        return Err(Refusal::problem(
            axum::http::StatusCode::BAD_REQUEST,
            "'image_request' is a required property",
        ));
    };
    let prompt = fields.prompt(MAX_PROMPT)?;
    let model = model(fields.choice("model", MODELS)?);
    let ratio = fields.choice("aspect_ratio", LEGACY_RATIOS)?;
    let resolution = fields.choice("resolution", LEGACY_RESOLUTIONS)?;
    let magic = fields.choice("magic_prompt_option", &["AUTO", "ON", "OFF"])?;
    let style = fields.choice("style_type", STYLES_LEGACY)?;
    let seed = fields.seed()?;
    let images = fields.images()?;
    let negative = fields.text("negative_prompt", MAX_PROMPT)?;
    check_palette(fields, PALETTES)?;
    unsupported(fields)?;
    check_meaning(fields, model, style, negative)?;

    let size = size(model, resolution, ratio)?;
    let tier = if matches!(model, Model::V1Turbo | Model::V2Turbo | Model::V2aTurbo) {
        "turbo"
    } else {
        "default"
    };
    Ok(Order {
        route: ROUTE.to_owned(),
        model,
        tier: tier.to_owned(),
        prompt: prompt.to_owned(),
        drawn_prompt: rewritten(prompt, magic),
        images,
        seed,
        size,
        style_type: Some(style.unwrap_or("GENERAL").to_owned()),
        run_async: false,
        webhook_url: None,
        usd_micros_each: price::usd_micros(model, tier),
    })
}

fn size(model: Model, resolution: Option<&str>, ratio: Option<&str>) -> Result<Size, Refusal> {
    if resolution.is_some() && !matches!(model, Model::V2 | Model::V2Turbo) {
        return Err(Refusal::invalid(
            "resolution is only supported by the models V_2 and V_2_TURBO.",
        ));
    }
    match ratio {
        Some(ratio) if matches!(model, Model::V1 | Model::V1Turbo) => {
            Ok(ratio_size_v1(ratio).unwrap_or((1024, 1024)))
        }
        _ => v3_size(resolution, ratio),
    }
}

/// The rules that join a field and the model.
fn check_meaning(
    fields: Fields<'_>,
    model: Model,
    style: Option<&str>,
    negative: Option<&str>,
) -> Result<(), Refusal> {
    if style.is_some() && matches!(model, Model::V1 | Model::V1Turbo) {
        return Err(Refusal::invalid(
            "style_type is only supported by the models V_2 and later.",
        ));
    }
    let takes_negative = matches!(
        model,
        Model::V1 | Model::V1Turbo | Model::V2 | Model::V2Turbo
    );
    if negative.is_some() && !takes_negative {
        return Err(Refusal::invalid(
            "negative_prompt is not supported by this model.",
        ));
    }
    let no_palette = matches!(
        model,
        Model::V1 | Model::V1Turbo | Model::V2a | Model::V2aTurbo
    );
    if fields.has("color_palette") && no_palette {
        return Err(Refusal::invalid(
            "color_palette is not supported by this model.",
        ));
    }
    Ok(())
}

fn model(name: Option<&str>) -> Model {
    match name {
        Some("V_1") => Model::V1,
        Some("V_1_TURBO") => Model::V1Turbo,
        Some("V_2_TURBO") => Model::V2Turbo,
        Some("V_2A") => Model::V2a,
        Some("V_2A_TURBO") => Model::V2aTurbo,
        Some("V_3") => Model::V3,
        Some("AUTO") => Model::Auto,
        _ => Model::V2,
    }
}
