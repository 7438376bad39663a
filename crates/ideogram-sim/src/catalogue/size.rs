//! How large a picture becomes: the pixels behind ratios, tiers and sources.

use super::words::{V3_RESOLUTIONS, V4_RESOLUTIONS};
use crate::answer::Refusal;
use crate::schema::Asked;

/// Width and height in pixels.
pub(crate) type Size = (u32, u32);

/// What a model makes that may choose: here, a square.
const SQUARE: Size = (1_024, 1_024);
/// Larger pictures than this are not made here: drawing one takes 200 MB.
const MOST_PIXELS: u64 = 8_192 * 8_192;

/// Reads `WxH`.
pub(crate) fn parse_size(text: &str) -> Option<Size> {
    let (width, height) = text.split_once(['x', ':'])?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

/// Models 2.x and 3.0: `resolution`, else `aspect_ratio`.
pub(super) fn v3(asked: &Asked, _: Option<Size>) -> Result<Size, Refusal> {
    let resolution = asked.word("resolution").and_then(parse_size);
    let ratio = asked.word("aspect_ratio").and_then(ratio_size);
    Ok(resolution.or(ratio).unwrap_or(SQUARE))
}

/// The same; where neither is given, the listed resolution nearest to the source.
pub(super) fn v3_of_source(asked: &Asked, source: Option<Size>) -> Result<Size, Refusal> {
    match source {
        Some(source)
            if !asked.has("resolution") && asked.word("aspect_ratio").is_none_or(is_auto) =>
        {
            Ok(nearest(V3_RESOLUTIONS, source))
        }
        _ => v3(asked, source),
    }
}

/// The legacy routes, whose 1.0 models have sizes of their own.
pub(super) fn legacy(asked: &Asked, source: Option<Size>) -> Result<Size, Refusal> {
    let ratio = asked.word("aspect_ratio");
    match (asked.word("model"), ratio) {
        (Some("v_1" | "v_1_turbo"), Some(ratio)) => Ok(ratio_size_v1(ratio).unwrap_or(SQUARE)),
        _ => v3(asked, source),
    }
}

/// Model 4.0: `resolution`, else a shape of the model's choice.
pub(super) fn v4(asked: &Asked, source: Option<Size>) -> Result<Size, Refusal> {
    let chosen = source.map_or((2_048, 2_048), |source| nearest(V4_RESOLUTIONS, source));
    Ok(asked
        .word("resolution")
        .and_then(parse_size)
        .unwrap_or(chosen))
}

/// Model 4.5: `size`, by one list without images and by rules with them.
pub(super) fn v45(asked: &Asked, source: Option<Size>) -> Result<Size, Refusal> {
    if let Some((width, height)) = source
        && width.max(height) > 6 * width.min(height)
    {
        return Err(Refusal::invalid(
            "A source image must lie between 1:6 and 6:1.",
        ));
    }
    let text = asked.word("size").unwrap_or("auto");
    let invalid = || Refusal::invalid(format!("Invalid size: '{text}'."));
    match (text, source) {
        ("auto", None) => Ok(SQUARE),
        ("auto" | "source", Some(source)) => Ok(source),
        ("source", None) => Err(Refusal::invalid("size 'source' needs a source image.")),
        (_, None) => listed_v45(text).ok_or_else(invalid),
        (_, Some(_)) => parse_size(text)
            .filter(|(width, height)| {
                let (short, long) = (*width.min(height), *width.max(height));
                let steps = width.is_multiple_of(32) && height.is_multiple_of(32);
                let area = u64::from(*width) * u64::from(*height);
                steps && short >= 256 && area <= 2_048 * 2_048 && long <= 6 * short
            })
            .ok_or_else(invalid),
    }
}

fn listed_v45(text: &str) -> Option<Size> {
    let narrow = ["512x1536", "1536x512"].contains(&text);
    let listed = V4_RESOLUTIONS.split(' ').any(|word| word == text);
    parse_size(text).filter(|_| listed && !narrow)
}

/// As large as the source.
pub(super) fn source(_: &Asked, source: Option<Size>) -> Result<Size, Refusal> {
    Ok(source.unwrap_or(SQUARE))
}

/// The source times `upscale_factor`.
pub(super) fn upscaled(asked: &Asked, source: Option<Size>) -> Result<Size, Refusal> {
    let (width, height) = source.unwrap_or(SQUARE);
    let factor = match asked.word("upscale_factor") {
        Some("x4") => 4,
        Some("x8") => 8,
        _ => 2,
    };
    if u64::from(width * factor) * u64::from(height * factor) > MOST_PIXELS {
        return Err(Refusal::invalid(format!(
            "The upscaled image would be too large: {}x{}.",
            width * factor,
            height * factor
        )));
    }
    Ok((width * factor, height * factor))
}

/// `upscale_factor` over a shape of model 3.0.
pub(super) fn transparent_v3(asked: &Asked, none: Option<Size>) -> Result<Size, Refusal> {
    let (width, height) = v3(asked, none)?;
    let factor = match asked.word("upscale_factor") {
        Some("x2") => 2,
        Some("x4") => 4,
        _ => 1,
    };
    Ok((width * factor, height * factor))
}

/// A shape within a budget of pixels that a tier such as `2k` names.
pub(super) fn budget(asked: &Asked, source: Option<Size>) -> Result<Size, Refusal> {
    if let Some(exact) = asked.word("resolution").and_then(parse_size) {
        return bounded(exact);
    }
    if let (Some(width), Some(height)) =
        (asked.number("custom_width"), asked.number("custom_height"))
    {
        return bounded((width, height));
    }
    let tier = ["resolution_tier", "output_resolution", "resolution"]
        .into_iter()
        .find_map(|field| asked.word(field));
    let side = match tier.and_then(|tier| tier.chars().next()) {
        Some('2') => 2_048.0,
        Some('4') => 4_096.0,
        Some('8') => 8_192.0,
        _ => 1_024.0_f64,
    };
    let ratio = asked.word("aspect_ratio").and_then(parse_size).or(source);
    let (w, h) = ratio.unwrap_or((1, 1));
    let stretch = (f64::from(w) / f64::from(h)).sqrt();
    let snap = |length: f64| ((length / 16.0).floor() as u32).max(1) * 16;
    Ok((snap(side * stretch), snap(side / stretch)))
}

fn bounded((width, height): Size) -> Result<Size, Refusal> {
    if width.min(height) < 64 || u64::from(width) * u64::from(height) > 4_096 * 4_096 {
        return Err(Refusal::invalid(format!(
            "Invalid resolution: '{width}x{height}'."
        )));
    }
    Ok((width, height))
}

fn is_auto(ratio: &str) -> bool {
    ratio == "auto"
}

/// The listed resolution whose shape is nearest; of equals, the first.
fn nearest(list: &str, (width, height): Size) -> Size {
    let wanted = (f64::from(width) / f64::from(height.max(1))).ln();
    let distance = |(w, h): &Size| ((f64::from(*w) / f64::from(*h)).ln() - wanted).abs();
    list.split(' ')
        .filter_map(parse_size)
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .unwrap_or(SQUARE)
}

/// The pixels of an aspect ratio in the 2.0, 2a and 3.0 models.
fn ratio_size(ratio: &str) -> Option<Size> {
    oriented(ratio, |ratio| match ratio {
        (1, 3) => Some((512, 1536)),
        (1, 2) => Some((704, 1408)),
        (9, 16) => Some((736, 1312)),
        (10, 16) => Some((800, 1280)),
        (2, 3) => Some((832, 1248)),
        (3, 4) => Some((864, 1152)),
        (4, 5) => Some((896, 1120)),
        (1, 1) => Some(SQUARE),
        _ => None,
    })
}

/// The pixels of an aspect ratio in the 1.0 models.
fn ratio_size_v1(ratio: &str) -> Option<Size> {
    oriented(ratio, |ratio| match ratio {
        (1, 3) => Some((512, 1536)),
        (9, 16) => Some((720, 1280)),
        (10, 16) => Some((768, 1232)),
        (2, 3) => Some((768, 1152)),
        (3, 4) => Some((768, 1024)),
        (1, 1) => Some(SQUARE),
        _ => None,
    })
}

/// Looks a ratio up in its portrait form; landscape sizes are the mirror image.
fn oriented(ratio: &str, portrait: impl Fn(Size) -> Option<Size>) -> Option<Size> {
    let (width, height) = parse_size(ratio)?;
    if width <= height {
        portrait((width, height))
    } else {
        portrait((height, width)).map(|(short, long)| (long, short))
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::{LEGACY_RATIOS, LEGACY_RESOLUTIONS, RATIOS, STYLE_PRESETS};
    use super::*;

    #[test]
    fn every_ratio_has_a_size_of_its_shape() {
        for ratio in RATIOS.split(' ').chain(LEGACY_RATIOS.split(' ')) {
            let (width, height) = ratio_size(ratio).unwrap_or_default();
            let (w, h) = parse_size(ratio).unwrap_or_default();

            let error = (f64::from(width) / f64::from(height)) / (f64::from(w) / f64::from(h));
            assert!((error - 1.0).abs() < 0.05, "{ratio} is {width}x{height}");
        }
    }

    #[test]
    fn every_listed_resolution_can_be_read() {
        for (list, length) in [
            (LEGACY_RESOLUTIONS, 78),
            (V3_RESOLUTIONS, 69),
            (V4_RESOLUTIONS, 38),
        ] {
            let sizes: Vec<_> = list.split(' ').map(parse_size).collect();
            assert!(sizes.iter().all(Option::is_some), "{list}");
            assert_eq!(sizes.len(), length);
        }
        assert_eq!(STYLE_PRESETS.split(' ').count(), 62);
    }

    #[test]
    fn a_remix_keeps_the_shape_of_its_source() {
        assert_eq!(nearest(V3_RESOLUTIONS, (3_000, 3_000)), (1_024, 1_024));
        assert_eq!(nearest(V4_RESOLUTIONS, (160, 90)), (2_560, 1_440));
    }
}
