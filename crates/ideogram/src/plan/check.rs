//! Whether a route can say what is asked for. The provider ignores fields that it does not know, so
//! what is not refused here would be paid for and not drawn.

mod inputs;
mod size;

use domain::{ColorPalette, Invalid, MagicPrompt, Operation, Request};

use super::route::{Magic, Prompt, Route, Transparency};
use super::styles::{self, PALETTES, PRESETS};
pub(crate) use inputs::inputs;
pub(crate) use size::{Size, expected, size};

/// Why a route cannot say it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) invalid: Invalid,
    /// Whether the route has no such field at all, rather than not that value.
    pub(crate) absent: bool,
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self {
            invalid,
            absent: false,
        }
    }
}

/// Checks every field but sizes and pictures.
///
/// Fields that no route of the model has come first, so that a fallback does not hide them.
pub(crate) fn check(request: &Request, route: &Route) -> Result<(), Refusal> {
    for (asked, can, field, hint) in wishes(request, route) {
        if asked && !can {
            let reason = format!("{} has no {field}; {hint}", subject(request, route));
            return Err(absent(field, reason));
        }
    }
    prompt(request, route)?;
    images(request, route)?;
    steps(request, route)?;
    style(request, route)?;
    Ok(names(request)?)
}

/// What is asked for, whether the route has it, by which name, and what to do if it has not.
fn wishes(request: &Request, route: &Route) -> [(bool, bool, &'static str, &'static str); 15] {
    const OUT: &str = "leave it out";
    let quality = route.quality.is_some();
    let speed_hint = if quality { "use quality" } else { OUT };
    let quality_hint = if route.rendering_speed {
        "use renderingSpeed"
    } else {
        OUT
    };
    let transparent = route.transparency != Transparency::Never;
    #[rustfmt::skip]
    let wishes = [
        (request.rendering_speed.is_some(), route.rendering_speed, "renderingSpeed", speed_hint),
        (request.quality.is_some(), quality, "quality", quality_hint),
        (request.negative_prompt.is_some(), route.negative_prompt, "negativePrompt",
            "say in the prompt what you want instead"),
        (request.style_preset.is_some(), route.preset, "stylePreset", "model V_3 has it"),
        (!request.style_codes.is_empty(), route.codes, "styleCodes", "model V_3 has it"),
        (request.color_palette.is_some(), route.color_palette, "colorPalette",
            "models V_2 and V_3 have it"),
        (request.style_type.is_some(), !route.styles.is_empty(), "styleType",
            "models V_2 to V_3 have it"),
        (request.custom_model.is_some(), route.custom_model, "customModel",
            "models V_3 and ideogram-4 draw with one from words, V_3 also edits and remixes"),
        (request.image_weight.is_some(), route.image_weight, "imageWeight",
            "only remix has it"),
        (request.upscale_factor.is_some(), !route.factors.is_empty(), "upscaleFactor",
            "upscale has it, and transparent pictures by model V_3"),
        (request.transparent, transparent, "transparent",
            "V_3, ideogram-4 and gpt-image-2-5-* draw on a transparent background"),
        (request.seed.is_some(), route.seed, "seed", OUT),
        (!request.prompt.is_empty(), route.prompt != Prompt::No, "prompt", OUT),
        (request.num_images > 1, route.images.is_some(), "numImages", "ask once for each"),
        (says_magic(request, route), false, "magicPrompt", OUT),
    ];
    wishes
}

/// Whether something is asked of the rewriting of the prompt that the route does not promise.
fn says_magic(request: &Request, route: &Route) -> bool {
    match (route.magic, request.magic_prompt) {
        (Magic::Field(_), _) | (_, MagicPrompt::Auto) | (Magic::Always, MagicPrompt::On) => false,
        // Where there is no prompt there is nothing to rewrite.
        (Magic::Unsaid, MagicPrompt::Off) => route.prompt != Prompt::No,
        (Magic::Always, MagicPrompt::Off) | (Magic::Unsaid, MagicPrompt::On) => true,
    }
}

fn prompt(request: &Request, route: &Route) -> Result<(), Invalid> {
    let most = match route.prompt {
        Prompt::Needs(_, _) if request.prompt.trim().is_empty() => {
            return Err(Invalid::missing("prompt", "say what to draw"));
        }
        Prompt::Needs(_, most) | Prompt::Takes(most) => most,
        Prompt::No => return Ok(()),
    };
    if request.prompt.chars().nth(most).is_some() {
        let reason = format!(
            "{} takes at most {most} characters",
            subject(request, route)
        );
        return Err(Invalid::unsupported("prompt", reason));
    }
    Ok(())
}

fn images(request: &Request, route: &Route) -> Result<(), Invalid> {
    match route.images {
        Some(most) if request.num_images > most => {
            let reason = format!("{} makes at most {most} at once", subject(request, route));
            Err(Invalid::unsupported("numImages", reason))
        }
        _ => Ok(()),
    }
}

/// The values of fields that the route has, but not with every value.
fn steps(request: &Request, route: &Route) -> Result<(), Invalid> {
    let refuse = |field, value: &str, known: Vec<&str>| {
        let reason = format!(
            "{} has no {value}; use one of {}",
            subject(request, route),
            known.join(", ")
        );
        Err(Invalid::unsupported(field, reason))
    };
    if let (Some(quality), Some(known)) = (request.quality, route.quality)
        && !known.list.contains(&quality)
    {
        let known = known.list.iter().map(|known| known.as_str()).collect();
        return refuse("quality", quality.as_str(), known);
    }
    if let Some(factor) = request.upscale_factor
        && !route.factors.contains(&factor)
    {
        let known = route.factors.iter().map(|known| known.as_str()).collect();
        return refuse("upscaleFactor", factor.as_str(), known);
    }
    if let Some(style) = request.style_type
        && !route.styles.contains(&style)
    {
        let known = route.styles.iter().map(|known| known.as_str()).collect();
        return refuse("styleType", style.as_str(), known);
    }
    Ok(())
}

/// A preset, codes and references are three ways to a style: one may be gone.
fn style(request: &Request, route: &Route) -> Result<(), Invalid> {
    let preset = request.style_preset.is_some();
    let codes = !request.style_codes.is_empty();
    let references = !request.inputs.style_references.is_empty();
    let either = |field, other: &str| {
        Err(Invalid::unsupported(
            field,
            format!("give either {field} or {other}"),
        ))
    };
    if codes && preset {
        return either("stylePreset", "styleCodes");
    }
    if codes && request.style_type.is_some() {
        return either("styleType", "styleCodes");
    }
    if references && route.slots.style_references.is_some() && (preset || codes) {
        let field = if preset { "stylePreset" } else { "styleCodes" };
        return either(field, "styleReferences");
    }
    Ok(())
}

fn names(request: &Request) -> Result<(), Invalid> {
    if let Some(name) = &request.style_preset
        && styles::named(PRESETS, name).is_none()
    {
        let reason = format!("unknown style; the provider's are {}", PRESETS.join(", "));
        return Err(Invalid::field("stylePreset", reason));
    }
    if let Some(ColorPalette::Preset(name)) = &request.color_palette
        && styles::named(PALETTES, name).is_none()
    {
        let reason = format!(
            "unknown palette; the provider's are {}",
            PALETTES.join(", ")
        );
        return Err(Invalid::field("colorPalette", reason));
    }
    Ok(())
}

/// Who is to do what: `model V_3`, or `remix by model V_3 with a customModel`.
pub(crate) fn subject(request: &Request, route: &Route) -> String {
    let mut text = match request.operation {
        Operation::Generate => format!("model {}", request.model),
        operation => format!("{operation} by model {}", request.model),
    };
    let inputs = &request.inputs;
    let transparent = route.transparency != Transparency::Never;
    let character = inputs.character_reference.is_some();
    // What makes it another route than that of the model alone.
    let with = [
        (
            request.transparent && transparent,
            "a transparent background",
        ),
        (
            character && route.slots.character.is_some(),
            "a characterReference",
        ),
        (
            request.custom_model.is_some() && route.custom_model,
            "a customModel",
        ),
        (
            inputs.mask.is_some() && route.slots.mask.is_some(),
            "a mask",
        ),
    ];
    if let Some((_, what)) = with.iter().find(|(is_so, _)| *is_so) {
        text.push_str(" with ");
        text.push_str(what);
    }
    text
}

pub(crate) fn absent(field: &str, reason: String) -> Refusal {
    Refusal {
        invalid: Invalid::unsupported(field, reason),
        absent: true,
    }
}
