//! The body of a call, in the route's own spelling.

use domain::{Model, RenderingSpeed, Request, StyleType};

use super::check::Size;
use super::fields::{Fields, Palette, Value};
use super::route::{Dialect, Expects, Magic, Prompt, Route, Transparency};

/// Writes the body. What has a default is written out, so that a new default of the provider does
/// not change what is drawn or what it costs.
pub(crate) fn body(request: &Request, route: &Route, size: Option<Size>) -> Fields {
    let mut fields = Fields::new(route.envelope);
    words(&mut fields, request, route);
    if let Some(size) = size {
        let (field, value) = size.field(route);
        fields.put(field, value);
    }
    look(&mut fields, request, route);
    work(&mut fields, request, route);
    if route.private {
        fields.put("private", Value::Flag(true));
    }
    if route.expects == Expects::IdIfAsked {
        fields.put("async", Value::Flag(true));
    }
    fields
}

fn words(fields: &mut Fields, request: &Request, route: &Route) {
    match route.prompt {
        Prompt::Needs(field, _) => fields.put(field, request.prompt.clone()),
        Prompt::Takes(_) if !request.prompt.is_empty() => {
            fields.put("prompt", request.prompt.clone());
        }
        Prompt::Takes(_) | Prompt::No => {}
    }
    fields.put_some("negative_prompt", request.negative_prompt.clone());
    if let Some(field) = route.model {
        fields.put(field, route.dialect.name(request.model));
    }
}

fn look(fields: &mut Fields, request: &Request, route: &Route) {
    let dialect = route.dialect;
    let word = |word: &str| dialect.word(word);
    let style = request.style_type.map(StyleType::as_str);
    fields.put_some("style_type", style.map(word));
    fields.put_some("style_preset", request.style_preset.as_deref().map(word));
    if !request.style_codes.is_empty() {
        fields.put("style_codes", Value::Texts(request.style_codes.clone()));
    }
    let palette = request.color_palette.as_ref();
    let palette = palette.map(|palette| Value::Palette(Palette::of(palette, word)));
    fields.put_some("color_palette", palette);
    fields.put_some("custom_model_uri", request.custom_model.clone());
    if route.transparency == Transparency::Asked && request.transparent {
        fields.put("background", "transparent");
    }
    if let Magic::Field(field) = route.magic {
        fields.put(field, word(request.magic_prompt.as_str()));
    }
}

fn work(fields: &mut Fields, request: &Request, route: &Route) {
    let dialect = route.dialect;
    fields.put_some("seed", request.seed);
    fields.put_some("image_weight", request.image_weight);
    // The seed's requests to the old routes do not say that they want one.
    let says_one = dialect != Dialect::Legacy || request.num_images > 1;
    if route.images.is_some() && says_one {
        fields.put("num_images", request.num_images);
    }
    if let Some(tiers) = route.shapes.tiers {
        let tier = request.resolution_tier.map(|tier| {
            let tier = tier.as_str();
            if tiers.upper {
                tier.to_ascii_uppercase()
            } else {
                tier.to_owned()
            }
        });
        fields.put_some(tiers.field, tier);
    }
    let factor = request.upscale_factor.or(route.factors.first().copied());
    fields.put_some(
        "upscale_factor",
        factor.map(|factor| dialect.word(factor.as_str())),
    );
    if let Some(qualities) = route.quality {
        let quality = request.quality.or(qualities.usual);
        fields.put_some("quality", quality.map(|quality| quality.as_str()));
    }
    if route.rendering_speed || is_second(request, route) {
        fields.put("rendering_speed", dialect.word(speed(request).as_str()));
    }
}

/// Whether it is 2.0 or 2a on v2, whose fast variants are a speed there, not a model.
const fn is_second(request: &Request, route: &Route) -> bool {
    matches!(route.dialect, Dialect::V2)
        && matches!(
            request.model,
            Model::V2 | Model::V2Turbo | Model::V2A | Model::V2ATurbo
        )
}

fn speed(request: &Request) -> RenderingSpeed {
    let otherwise = match request.model {
        Model::V2Turbo | Model::V2ATurbo => RenderingSpeed::Turbo,
        _ => RenderingSpeed::Default,
    };
    request.rendering_speed.unwrap_or(otherwise)
}

impl Dialect {
    fn word(self, word: &str) -> String {
        match self {
            Self::V2 => word.to_ascii_lowercase(),
            Self::V1 | Self::Legacy => word.to_ascii_uppercase(),
        }
    }
}
