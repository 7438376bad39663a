//! Whether a route can say what is asked for. The provider ignores fields that it does not know, so
//! what is not refused here would be paid for and not drawn.

use domain::{AspectRatio, ColorPalette, Invalid, Request, Resolution};

use super::route::Route;
use super::sizes;
use super::styles::{self, PALETTES, PRESETS};

const SQUARE: AspectRatio = AspectRatio {
    width: 1,
    height: 1,
};

/// Why a route cannot say it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) invalid: Invalid,
    /// Whether the route has no such field at all, rather than not that value.
    pub(crate) absent: bool,
}

/// How the size is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Size {
    /// By a shape of the route's list, which has this size.
    Ratio(AspectRatio, Resolution),
    /// In pixels, in the field of this name.
    Pixels(&'static str, Resolution),
}

impl Size {
    pub(crate) const fn resolution(self) -> Resolution {
        match self {
            Self::Ratio(_, resolution) | Self::Pixels(_, resolution) => resolution,
        }
    }
}

/// Checks every field; answers with the size to draw.
///
/// Fields that no route of the model has come first, so that a fallback does not hide them.
pub(crate) fn check(request: &Request, route: &Route) -> Result<Size, Refusal> {
    let model = request.model;
    let lacks = |asked: bool, can: bool, field: &str, hint: &str| {
        if asked && !can {
            Err(absent(
                field,
                format!("model {model} has no {field}; {hint}"),
            ))
        } else {
            Ok(())
        }
    };
    let speed_hint = if route.quality {
        "use quality"
    } else {
        "leave it out"
    };
    lacks(
        request.rendering_speed.is_some(),
        route.rendering_speed,
        "renderingSpeed",
        speed_hint,
    )?;
    let quality_hint = if route.rendering_speed {
        "use renderingSpeed"
    } else {
        "leave it out"
    };
    lacks(
        request.quality.is_some(),
        route.quality,
        "quality",
        quality_hint,
    )?;
    let negative_hint = "say in the prompt what you want instead";
    lacks(
        request.negative_prompt.is_some(),
        route.negative_prompt,
        "negativePrompt",
        negative_hint,
    )?;
    let v3_hint = "model V_3 has it";
    lacks(
        request.style_preset.is_some(),
        route.named_styles,
        "stylePreset",
        v3_hint,
    )?;
    lacks(
        !request.style_codes.is_empty(),
        route.named_styles,
        "styleCodes",
        v3_hint,
    )?;
    lacks(
        request.color_palette.is_some(),
        route.color_palette,
        "colorPalette",
        "models V_2 and V_3 have it",
    )?;
    lacks(
        request.style_type.is_some(),
        !route.styles.is_empty(),
        "styleType",
        "models V_2 to V_3 have it",
    )?;
    style(request, route)?;
    names(request)?;
    size(request, route)
}

fn style(request: &Request, route: &Route) -> Result<(), Refusal> {
    if let Some(style) = request.style_type
        && !route.styles.contains(&style)
    {
        let known: Vec<&str> = route.styles.iter().map(|style| style.as_str()).collect();
        let reason = format!(
            "model {} has no {style}; use one of {}",
            request.model,
            known.join(", ")
        );
        return Err(refused(Invalid::unsupported("styleType", reason)));
    }
    if request.style_codes.is_empty() {
        return Ok(());
    }
    if request.style_preset.is_some() {
        return Err(refused(Invalid::unsupported(
            "stylePreset",
            "give either stylePreset or styleCodes",
        )));
    }
    if request.style_type.is_some() {
        return Err(refused(Invalid::unsupported(
            "styleType",
            "give either styleType or styleCodes",
        )));
    }
    Ok(())
}

fn names(request: &Request) -> Result<(), Refusal> {
    if let Some(name) = &request.style_preset
        && styles::named(PRESETS, name).is_none()
    {
        let reason = format!("unknown style; the provider's are {}", PRESETS.join(", "));
        return Err(refused(Invalid::field("stylePreset", reason)));
    }
    if let Some(ColorPalette::Preset(name)) = &request.color_palette
        && styles::named(PALETTES, name).is_none()
    {
        let reason = format!(
            "unknown palette; the provider's are {}",
            PALETTES.join(", ")
        );
        return Err(refused(Invalid::field("colorPalette", reason)));
    }
    Ok(())
}

fn size(request: &Request, route: &Route) -> Result<Size, Refusal> {
    let model = request.model;
    if let Some(wanted) = request.resolution {
        let Some((field, list)) = route.shapes.size else {
            return Err(absent(
                "resolution",
                format!("model {model} has no resolution; use aspectRatio"),
            ));
        };
        if sizes::contains(list, wanted) {
            return Ok(Size::Pixels(field, wanted));
        }
        let near = sizes::nearest(list, wanted).map(|size| format!("; the nearest is {size}"));
        let reason = format!(
            "model {model} does not draw {wanted}{}",
            near.unwrap_or_default()
        );
        return Err(refused(Invalid::unsupported("resolution", reason)));
    }

    let wanted = request.aspect_ratio.unwrap_or(SQUARE);
    let shape = match (route.shapes.ratios, route.shapes.size) {
        (Some(list), _) => sizes::shape(list, wanted).map(|(ratio, size)| Size::Ratio(ratio, size)),
        (None, Some((field, list))) => {
            sizes::of_shape(list, wanted).map(|size| Size::Pixels(field, size))
        }
        (None, None) => None,
    };
    shape.ok_or_else(|| {
        let ratios = route.shapes.ratios.unwrap_or(sizes::RATIOS);
        let known: Vec<String> = ratios
            .iter()
            .map(|((w, h), _)| format!("{w}x{h}"))
            .collect();
        let reason = format!(
            "model {model} does not draw {}x{}; use one of {}, upright or laid down",
            wanted.width,
            wanted.height,
            known.join(", "),
        );
        refused(Invalid::unsupported("aspectRatio", reason))
    })
}

fn absent(field: &str, reason: String) -> Refusal {
    Refusal {
        invalid: Invalid::unsupported(field, reason),
        absent: true,
    }
}

const fn refused(invalid: Invalid) -> Refusal {
    Refusal {
        invalid,
        absent: false,
    }
}
