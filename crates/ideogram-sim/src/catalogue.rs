//! The provider's closed lists, and the pixel sizes behind its aspect ratios. Source: the
//! `OpenAPI` document of 2026-10-07 and the provider's page on aspect ratios and dimensions.

/// Legacy `resolution`, for the models 2.0 only.
#[rustfmt::skip]
pub(crate) const LEGACY_RESOLUTIONS: &[&str] = &[
    "RESOLUTION_512_1536", "RESOLUTION_576_1408", "RESOLUTION_576_1472", "RESOLUTION_576_1536",
    "RESOLUTION_640_1024", "RESOLUTION_640_1344", "RESOLUTION_640_1408", "RESOLUTION_640_1472",
    "RESOLUTION_640_1536", "RESOLUTION_704_1152", "RESOLUTION_704_1216", "RESOLUTION_704_1280",
    "RESOLUTION_704_1344", "RESOLUTION_704_1408", "RESOLUTION_704_1472", "RESOLUTION_720_1280",
    "RESOLUTION_736_1312", "RESOLUTION_768_1024", "RESOLUTION_768_1088", "RESOLUTION_768_1152",
    "RESOLUTION_768_1216", "RESOLUTION_768_1232", "RESOLUTION_768_1280", "RESOLUTION_768_1344",
    "RESOLUTION_832_960", "RESOLUTION_832_1024", "RESOLUTION_832_1088", "RESOLUTION_832_1152",
    "RESOLUTION_832_1216", "RESOLUTION_832_1248", "RESOLUTION_864_1152", "RESOLUTION_896_960",
    "RESOLUTION_896_1024", "RESOLUTION_896_1088", "RESOLUTION_896_1120", "RESOLUTION_896_1152",
    "RESOLUTION_960_832", "RESOLUTION_960_896", "RESOLUTION_960_1024", "RESOLUTION_960_1088",
    "RESOLUTION_1024_640", "RESOLUTION_1024_768", "RESOLUTION_1024_832", "RESOLUTION_1024_896",
    "RESOLUTION_1024_960", "RESOLUTION_1024_1024", "RESOLUTION_1088_768", "RESOLUTION_1088_832",
    "RESOLUTION_1088_896", "RESOLUTION_1088_960", "RESOLUTION_1120_896", "RESOLUTION_1152_704",
    "RESOLUTION_1152_768", "RESOLUTION_1152_832", "RESOLUTION_1152_864", "RESOLUTION_1152_896",
    "RESOLUTION_1216_704", "RESOLUTION_1216_768", "RESOLUTION_1216_832", "RESOLUTION_1232_768",
    "RESOLUTION_1248_832", "RESOLUTION_1280_704", "RESOLUTION_1280_720", "RESOLUTION_1280_768",
    "RESOLUTION_1280_800", "RESOLUTION_1312_736", "RESOLUTION_1344_640", "RESOLUTION_1344_704",
    "RESOLUTION_1344_768", "RESOLUTION_1408_576", "RESOLUTION_1408_640", "RESOLUTION_1408_704",
    "RESOLUTION_1472_576", "RESOLUTION_1472_640", "RESOLUTION_1472_704", "RESOLUTION_1536_512",
    "RESOLUTION_1536_576", "RESOLUTION_1536_640",
];

/// `resolution` of model 3.0.
#[rustfmt::skip]
pub(crate) const V3_RESOLUTIONS: &[&str] = &[
    "512x1536", "576x1408", "576x1472", "576x1536", "640x1344", "640x1408", "640x1472",
    "640x1536", "704x1152", "704x1216", "704x1280", "704x1344", "704x1408", "704x1472",
    "736x1312", "768x1088", "768x1216", "768x1280", "768x1344", "800x1280", "832x960", "832x1024",
    "832x1088", "832x1152", "832x1216", "832x1248", "864x1152", "896x960", "896x1024", "896x1088",
    "896x1120", "896x1152", "960x832", "960x896", "960x1024", "960x1088", "1024x832", "1024x896",
    "1024x960", "1024x1024", "1088x768", "1088x832", "1088x896", "1088x960", "1120x896",
    "1152x704", "1152x832", "1152x864", "1152x896", "1216x704", "1216x768", "1216x832",
    "1248x832", "1280x704", "1280x768", "1280x800", "1312x736", "1344x640", "1344x704",
    "1344x768", "1408x576", "1408x640", "1408x704", "1472x576", "1472x640", "1472x704",
    "1536x512", "1536x576", "1536x640",
];

/// `resolution` of model 4.0.
#[rustfmt::skip]
pub(crate) const V4_RESOLUTIONS: &[&str] = &[
    "2048x2048", "1440x2880", "2880x1440", "1664x2496", "2496x1664", "1792x2240", "2240x1792",
    "1440x2560", "2560x1440", "1600x2560", "2560x1600", "1728x2304", "2304x1728", "1296x3168",
    "3168x1296", "1152x2944", "2944x1152", "1248x3328", "3328x1248", "1280x3072", "3072x1280",
    "1024x3072", "3072x1024", "1024x1024", "896x1120", "1120x896", "864x1152", "1152x864",
    "832x1248", "1248x832", "800x1280", "1280x800", "720x1280", "1280x720", "720x1440",
    "1440x720", "512x1536", "1536x512",
];

/// `size` of model 4.5 without input images; `auto` leaves it to the model.
#[rustfmt::skip]
pub(crate) const V45_SIZES: &[&str] = &[
    "auto", "source", "2048x2048", "1440x2880", "2880x1440", "1664x2496", "2496x1664",
    "1792x2240", "2240x1792", "1440x2560", "2560x1440", "1600x2560", "2560x1600", "1728x2304",
    "2304x1728", "1296x3168", "3168x1296", "1152x2944", "2944x1152", "1248x3328", "3328x1248",
    "1280x3072", "3072x1280", "1024x3072", "3072x1024", "1024x1024", "896x1120", "1120x896",
    "864x1152", "1152x864", "832x1248", "1248x832", "800x1280", "1280x800", "720x1280",
    "1280x720", "720x1440", "1440x720",
];

/// `aspect_ratio` of the legacy route.
#[rustfmt::skip]
pub(crate) const LEGACY_RATIOS: &[&str] = &[
    "ASPECT_10_16", "ASPECT_16_10", "ASPECT_9_16", "ASPECT_16_9", "ASPECT_3_2", "ASPECT_2_3",
    "ASPECT_4_3", "ASPECT_3_4", "ASPECT_1_1", "ASPECT_1_3", "ASPECT_3_1",
];

/// `aspect_ratio` of the 2.x and 3.0 models; v2 routes know `auto` too.
#[rustfmt::skip]
pub(crate) const RATIOS: &[&str] = &[
    "auto", "1x3", "3x1", "1x2", "2x1", "9x16", "16x9", "10x16", "16x10", "2x3", "3x2", "3x4",
    "4x3", "4x5", "5x4", "1x1",
];

/// `style_type` of model 3.0 on v1; v2 has the same words in lower case.
#[rustfmt::skip]
pub(crate) const STYLES_V3: &[&str] = &[
    "AUTO", "GENERAL", "REALISTIC", "DESIGN", "CUSTOM", "FICTION", "STYLIZED",
];

/// `style_type` of model 3.0 on v2.
#[rustfmt::skip]
pub(crate) const STYLES_V3_LOWER: &[&str] = &[
    "auto", "general", "realistic", "design", "custom", "fiction", "stylized",
];

/// `style_type` of the 2.x models on v2.
#[rustfmt::skip]
pub(crate) const STYLES_V2: &[&str] = &[
    "auto", "general", "realistic", "design", "render_3d", "anime",
];

/// `style_type` of the legacy route.
#[rustfmt::skip]
pub(crate) const STYLES_LEGACY: &[&str] = &[
    "AUTO", "GENERAL", "FICTION", "REALISTIC", "DESIGN", "RENDER_3D", "ANIME", "CUSTOM",
    "STYLIZED",
];

/// `style_preset` on v1.
#[rustfmt::skip]
pub(crate) const STYLE_PRESETS: &[&str] = &[
    "80S_ILLUSTRATION", "90S_NOSTALGIA", "ABSTRACT_ORGANIC", "ANALOG_NOSTALGIA", "ART_BRUT",
    "ART_DECO", "ART_POSTER", "AURA", "AVANT_GARDE", "BAUHAUS", "BLUEPRINT", "BLURRY_MOTION",
    "BRIGHT_ART", "C4D_CARTOON", "CHILDRENS_BOOK", "COLLAGE", "COLORING_BOOK_I",
    "COLORING_BOOK_II", "CUBISM", "DARK_AURA", "DOODLE", "DOUBLE_EXPOSURE", "DRAMATIC_CINEMA",
    "EDITORIAL", "EMOTIONAL_MINIMAL", "ETHEREAL_PARTY", "EXPIRED_FILM", "FLAT_ART", "FLAT_VECTOR",
    "FOREST_REVERIE", "GEO_MINIMALIST", "GLASS_PRISM", "GOLDEN_HOUR", "GRAFFITI_I", "GRAFFITI_II",
    "HALFTONE_PRINT", "HIGH_CONTRAST", "HIPPIE_ERA", "ICONIC", "JAPANDI_FUSION", "JAZZY",
    "LONG_EXPOSURE", "MAGAZINE_EDITORIAL", "MINIMAL_ILLUSTRATION", "MIXED_MEDIA", "MONOCHROME",
    "NIGHTLIFE", "OIL_PAINTING", "OLD_CARTOONS", "PAINT_GESTURE", "POP_ART", "RETRO_ETCHING",
    "RIVIERA_POP", "SPOTLIGHT_80S", "STYLIZED_RED", "SURREAL_COLLAGE", "TRAVEL_POSTER",
    "VINTAGE_GEO", "VINTAGE_POSTER", "WATERCOLOR", "WEIRD", "WOODBLOCK_PRINT",
];

/// `style_preset` on v2.
#[rustfmt::skip]
pub(crate) const STYLE_PRESETS_LOWER: &[&str] = &[
    "80s_illustration", "90s_nostalgia", "abstract_organic", "analog_nostalgia", "art_brut",
    "art_deco", "art_poster", "aura", "avant_garde", "bauhaus", "blueprint", "blurry_motion",
    "bright_art", "c4d_cartoon", "childrens_book", "collage", "coloring_book_i",
    "coloring_book_ii", "cubism", "dark_aura", "doodle", "double_exposure", "dramatic_cinema",
    "editorial", "emotional_minimal", "ethereal_party", "expired_film", "flat_art", "flat_vector",
    "forest_reverie", "geo_minimalist", "glass_prism", "golden_hour", "graffiti_i", "graffiti_ii",
    "halftone_print", "high_contrast", "hippie_era", "iconic", "japandi_fusion", "jazzy",
    "long_exposure", "magazine_editorial", "minimal_illustration", "mixed_media", "monochrome",
    "nightlife", "oil_painting", "old_cartoons", "paint_gesture", "pop_art", "retro_etching",
    "riviera_pop", "spotlight_80s", "stylized_red", "surreal_collage", "travel_poster",
    "vintage_geo", "vintage_poster", "watercolor", "weird", "woodblock_print",
];

/// Named colour palettes on v1.
#[rustfmt::skip]
pub(crate) const PALETTES: &[&str] = &[
    "EMBER", "FRESH", "JUNGLE", "MAGIC", "MELON", "MOSAIC", "PASTEL", "ULTRAMARINE",
];

/// Named colour palettes on v2.
#[rustfmt::skip]
pub(crate) const PALETTES_LOWER: &[&str] = &[
    "ember", "fresh", "jungle", "magic", "melon", "mosaic", "pastel", "ultramarine",
];

/// Width and height in pixels.
pub(crate) type Size = (u32, u32);

/// Reads `WxH`, `W_H` or `RESOLUTION_W_H`.
pub(crate) fn parse_size(text: &str) -> Option<Size> {
    let text = text.strip_prefix("RESOLUTION_").unwrap_or(text);
    let (width, height) = text.split_once(['x', '_'])?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

/// The pixels of an aspect ratio (`16x9`, `ASPECT_16_9`) in the 2.0, 2a and 3.0 models.
pub(crate) fn ratio_size(ratio: &str) -> Option<Size> {
    oriented(ratio, |ratio| match ratio {
        (1, 3) => Some((512, 1536)),
        (1, 2) => Some((704, 1408)),
        (9, 16) => Some((736, 1312)),
        (10, 16) => Some((800, 1280)),
        (2, 3) => Some((832, 1248)),
        (3, 4) => Some((864, 1152)),
        (4, 5) => Some((896, 1120)),
        (1, 1) => Some((1024, 1024)),
        _ => None,
    })
}

/// The pixels of an aspect ratio in the 1.0 models.
pub(crate) fn ratio_size_v1(ratio: &str) -> Option<Size> {
    oriented(ratio, |ratio| match ratio {
        (1, 3) => Some((512, 1536)),
        (9, 16) => Some((720, 1280)),
        (10, 16) => Some((768, 1232)),
        (2, 3) => Some((768, 1152)),
        (3, 4) => Some((768, 1024)),
        (1, 1) => Some((1024, 1024)),
        _ => None,
    })
}

/// Looks a ratio up in its portrait form; landscape sizes are the mirror image.
fn oriented(ratio: &str, portrait: impl Fn((u32, u32)) -> Option<Size>) -> Option<Size> {
    let (width, height) = parse_size(ratio.strip_prefix("ASPECT_").unwrap_or(ratio))?;
    if width <= height {
        portrait((width, height))
    } else {
        portrait((height, width)).map(|(short, long)| (long, short))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ratio_but_auto_has_a_size_of_its_shape() {
        for ratio in RATIOS
            .iter()
            .filter(|ratio| **ratio != "auto")
            .chain(LEGACY_RATIOS)
        {
            let (width, height) = ratio_size(ratio).unwrap_or_default();
            let (w, h) =
                parse_size(ratio.strip_prefix("ASPECT_").unwrap_or(ratio)).unwrap_or_default();

            let error = (f64::from(width) / f64::from(height)) / (f64::from(w) / f64::from(h));
            assert!((error - 1.0).abs() < 0.05, "{ratio} is {width}x{height}");
        }
    }

    #[test]
    fn every_listed_resolution_can_be_read() {
        for text in LEGACY_RESOLUTIONS
            .iter()
            .chain(V3_RESOLUTIONS)
            .chain(V4_RESOLUTIONS)
        {
            assert!(parse_size(text).is_some(), "{text}");
        }
        assert_eq!(
            (
                LEGACY_RESOLUTIONS.len(),
                V3_RESOLUTIONS.len(),
                V4_RESOLUTIONS.len()
            ),
            (78, 69, 38)
        );
        assert_eq!(STYLE_PRESETS.len(), 62);
    }
}
