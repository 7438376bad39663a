//! The body of a call, in the route's own spelling.

use domain::{ColorPalette, Model, Quality, RenderingSpeed, Request, WeightedColor};
use serde_json::{Map, Value, json};

use super::check::Size;
use super::route::{Dialect, Route};

/// Writes the body. What has a default is written out, so that a new default of the provider does
/// not change what is drawn or what it costs.
pub(crate) fn body(request: &Request, route: &Route, size: Size) -> Value {
    let dialect = route.dialect;
    let mut body = Map::new();
    let mut put = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(field.to_owned(), value);
        }
    };
    let magic = if dialect == Dialect::Legacy {
        "magic_prompt_option"
    } else {
        "magic_prompt"
    };
    put("prompt", Some(json!(request.prompt)));
    put(
        "negative_prompt",
        request.negative_prompt.as_ref().map(|text| json!(text)),
    );
    let (field, value) = size_field(dialect, size);
    put(field, Some(json!(value)));
    put(
        "style_type",
        request.style_type.map(|style| dialect.word(style.as_str())),
    );
    put(
        "style_preset",
        request.style_preset.as_ref().map(|name| dialect.word(name)),
    );
    put(
        "style_codes",
        (!request.style_codes.is_empty()).then(|| json!(request.style_codes)),
    );
    put(
        "color_palette",
        request
            .color_palette
            .as_ref()
            .map(|colors| palette(dialect, colors)),
    );
    put(magic, Some(dialect.word(request.magic_prompt.as_str())));
    put("seed", request.seed.map(|seed| json!(seed)));

    match dialect {
        Dialect::V2 => {
            put("num_images", Some(json!(request.num_images)));
            put("quality", route.quality.then(|| quality(request)));
            put(
                "rendering_speed",
                (!route.quality).then(|| speed(dialect, request)),
            );
            put("private", Some(json!(true)));
            put("async", Some(json!(true)));
            Value::Object(body)
        }
        Dialect::V1 => {
            put("num_images", Some(json!(request.num_images)));
            put("rendering_speed", Some(speed(dialect, request)));
            Value::Object(body)
        }
        Dialect::Legacy => {
            put("model", Some(json!(request.model.as_str())));
            put(
                "num_images",
                (request.num_images > 1).then(|| json!(request.num_images)),
            );
            json!({ "image_request": body })
        }
    }
}

impl Dialect {
    fn word(self, word: &str) -> Value {
        match self {
            Self::V2 => json!(word.to_ascii_lowercase()),
            Self::V1 | Self::Legacy => json!(word.to_ascii_uppercase()),
        }
    }
}

fn size_field(dialect: Dialect, size: Size) -> (&'static str, String) {
    match (dialect, size) {
        (Dialect::Legacy, Size::Ratio(ratio, _)) => ("aspect_ratio", ratio.to_string()),
        (_, Size::Ratio(ratio, _)) => ("aspect_ratio", format!("{}x{}", ratio.width, ratio.height)),
        (Dialect::Legacy, Size::Pixels(field, size)) => {
            (field, format!("RESOLUTION_{}_{}", size.width, size.height))
        }
        (_, Size::Pixels(field, size)) => (field, size.to_string()),
    }
}

/// The fast variants of 2.0 and 2a are a speed here, not a model.
fn speed(dialect: Dialect, request: &Request) -> Value {
    let otherwise = match request.model {
        Model::V2Turbo | Model::V2ATurbo => RenderingSpeed::Turbo,
        _ => RenderingSpeed::Default,
    };
    dialect.word(request.rendering_speed.unwrap_or(otherwise).as_str())
}

fn quality(request: &Request) -> Value {
    json!(request.quality.unwrap_or(Quality::High).as_str())
}

fn palette(dialect: Dialect, palette: &ColorPalette) -> Value {
    match palette {
        ColorPalette::Preset(name) => json!({ "name": dialect.word(name) }),
        ColorPalette::Colors(colors) => {
            json!({ "members": colors.iter().map(member).collect::<Vec<_>>() })
        }
    }
}

fn member(color: &WeightedColor) -> Value {
    match color.weight {
        // 0.7 and not 0.699999988079071, which is what 0.7 is in single precision.
        Some(weight) => {
            let weight = (f64::from(weight) * 10_000.0).round() / 10_000.0;
            json!({ "color_hex": color.hex, "color_weight": weight })
        }
        None => json!({ "color_hex": color.hex }),
    }
}
