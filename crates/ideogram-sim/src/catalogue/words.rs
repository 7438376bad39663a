//! The provider's closed lists, one text of words each. Source: the `OpenAPI` document of 2026-10-07
//! and the provider's page on aspect ratios and dimensions.

use std::fmt;

/// How a generation of the API writes the words of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// As listed: `general`, `16x9`.
    Listed,
    /// v1 and legacy enumerations: `GENERAL`.
    Capitals,
    /// Legacy ratios: `ASPECT_16_9`.
    Aspect,
    /// Legacy sizes: `RESOLUTION_1024_1024`.
    Resolution,
}

impl Spelling {
    /// The listed word behind what a caller wrote, if this is how it is written.
    pub(crate) fn read(self, written: &str) -> Option<String> {
        let sides = |text: &str| text.replace('_', "x");
        match self {
            Self::Listed => Some(written.to_owned()),
            Self::Capitals => {
                (written.to_ascii_uppercase() == written).then(|| written.to_ascii_lowercase())
            }
            Self::Aspect => written.strip_prefix("ASPECT_").map(sides),
            Self::Resolution => written.strip_prefix("RESOLUTION_").map(sides),
        }
    }

    /// A listed word as a caller has to write it.
    pub(crate) fn write(self, word: &str) -> String {
        match self {
            Self::Listed => word.to_owned(),
            Self::Capitals => word.to_ascii_uppercase(),
            Self::Aspect => format!("ASPECT_{}", word.replace('x', "_")),
            Self::Resolution => format!("RESOLUTION_{}", word.replace('x', "_")),
        }
    }
}

/// A list as the provider's messages show it: `['x2', 'x4']`.
pub(crate) struct Shown<'a>(pub(crate) &'a [&'a str], pub(crate) Spelling);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted: Vec<_> = self
            .0
            .iter()
            .map(|word| format!("'{}'", self.1.write(word)))
            .collect();
        write!(f, "[{}]", quoted.join(", "))
    }
}

/// Legacy `resolution`, for the models 2.0 only.
pub(crate) const LEGACY_RESOLUTIONS: &str = "\
    512x1536 576x1408 576x1472 576x1536 640x1024 640x1344 640x1408 640x1472 640x1536 704x1152 \
    704x1216 704x1280 704x1344 704x1408 704x1472 720x1280 736x1312 768x1024 768x1088 768x1152 \
    768x1216 768x1232 768x1280 768x1344 832x960 832x1024 832x1088 832x1152 832x1216 832x1248 \
    864x1152 896x960 896x1024 896x1088 896x1120 896x1152 960x832 960x896 960x1024 960x1088 \
    1024x640 1024x768 1024x832 1024x896 1024x960 1024x1024 1088x768 1088x832 1088x896 1088x960 \
    1120x896 1152x704 1152x768 1152x832 1152x864 1152x896 1216x704 1216x768 1216x832 1232x768 \
    1248x832 1280x704 1280x720 1280x768 1280x800 1312x736 1344x640 1344x704 1344x768 1408x576 \
    1408x640 1408x704 1472x576 1472x640 1472x704 1536x512 1536x576 1536x640";

/// `resolution` of model 3.0.
pub(crate) const V3_RESOLUTIONS: &str = "\
    512x1536 576x1408 576x1472 576x1536 640x1344 640x1408 640x1472 640x1536 704x1152 704x1216 \
    704x1280 704x1344 704x1408 704x1472 736x1312 768x1088 768x1216 768x1280 768x1344 800x1280 \
    832x960 832x1024 832x1088 832x1152 832x1216 832x1248 864x1152 896x960 896x1024 896x1088 \
    896x1120 896x1152 960x832 960x896 960x1024 960x1088 1024x832 1024x896 1024x960 1024x1024 \
    1088x768 1088x832 1088x896 1088x960 1120x896 1152x704 1152x832 1152x864 1152x896 1216x704 \
    1216x768 1216x832 1248x832 1280x704 1280x768 1280x800 1312x736 1344x640 1344x704 1344x768 \
    1408x576 1408x640 1408x704 1472x576 1472x640 1472x704 1536x512 1536x576 1536x640";

/// `resolution` of model 4.0. Model 4.5 knows all but the two narrowest as `size`.
pub(crate) const V4_RESOLUTIONS: &str = "\
    2048x2048 1440x2880 2880x1440 1664x2496 2496x1664 1792x2240 2240x1792 1440x2560 2560x1440 \
    1600x2560 2560x1600 1728x2304 2304x1728 1296x3168 3168x1296 1152x2944 2944x1152 1248x3328 \
    3328x1248 1280x3072 3072x1280 1024x3072 3072x1024 1024x1024 896x1120 1120x896 864x1152 \
    1152x864 832x1248 1248x832 800x1280 1280x800 720x1280 1280x720 720x1440 1440x720 512x1536 \
    1536x512";

/// `aspect_ratio` of the legacy routes.
pub(crate) const LEGACY_RATIOS: &str = "10x16 16x10 9x16 16x9 3x2 2x3 4x3 3x4 1x1 1x3 3x1";

/// `aspect_ratio` of the 2.x and 3.0 models on v1; of p-image too.
pub(crate) const RATIOS: &str = "1x3 3x1 1x2 2x1 9x16 16x9 10x16 16x10 2x3 3x2 3x4 4x3 4x5 5x4 1x1";

/// The same on v2, where the shape may be left to the model.
pub(crate) const RATIOS_AUTO: &str = "\
    auto 1x3 3x1 1x2 2x1 9x16 16x9 10x16 16x10 2x3 3x2 3x4 4x3 4x5 5x4 1x1";

/// `aspect_ratio` of the 4.0 family.
pub(crate) const RATIOS_V4: &str = "\
    auto 1x4 1x3 1x2 9x16 10x16 2x3 3x4 4x5 1x1 5x4 4x3 3x2 16x10 16x9 2x1 3x1 4x1";

/// `aspect_ratio` of Nano Banana Pro; GPT Image publishes no list, and gets this one.
pub(crate) const RATIOS_COLON: &str = "auto 1:1 3:2 2:3 4:3 3:4 5:4 4:5 16:9 9:16 21:9";

/// `aspect_ratio` of Nano Banana 2.
pub(crate) const RATIOS_NANO: &str = "\
    auto 1:1 3:2 2:3 4:3 3:4 5:4 4:5 16:9 9:16 21:9 4:1 1:4 8:1 1:8";

/// The same where a picture is reframed, so that the shape has to be said.
pub(crate) const RATIOS_NANO_FIXED: &str = "\
    1:1 3:2 2:3 4:3 3:4 5:4 4:5 16:9 9:16 21:9 4:1 1:4 8:1 1:8";

/// `style_type` of model 3.0.
pub(crate) const STYLES_V3: &str = "auto general realistic design custom fiction stylized";

/// `style_type` of the 2.x models on v2.
pub(crate) const STYLES_V2: &str = "auto general realistic design render_3d anime";

/// `style_type` where a character is referred to.
pub(crate) const STYLES_CHARACTER: &str = "auto realistic fiction";

/// `style_type` of the legacy routes.
pub(crate) const STYLES_LEGACY: &str = "\
    auto general fiction realistic design render_3d anime custom stylized";

/// `style_preset`.
pub(crate) const STYLE_PRESETS: &str = "\
    80s_illustration 90s_nostalgia abstract_organic analog_nostalgia art_brut art_deco \
    art_poster aura avant_garde bauhaus blueprint blurry_motion bright_art c4d_cartoon \
    childrens_book collage coloring_book_i coloring_book_ii cubism dark_aura doodle \
    double_exposure dramatic_cinema editorial emotional_minimal ethereal_party expired_film \
    flat_art flat_vector forest_reverie geo_minimalist glass_prism golden_hour graffiti_i \
    graffiti_ii halftone_print high_contrast hippie_era iconic japandi_fusion jazzy \
    long_exposure magazine_editorial minimal_illustration mixed_media monochrome nightlife \
    oil_painting old_cartoons paint_gesture pop_art retro_etching riviera_pop spotlight_80s \
    stylized_red surreal_collage travel_poster vintage_geo vintage_poster watercolor weird \
    woodblock_print";

/// Named colour palettes.
pub(crate) const PALETTES: &str = "ember fresh jungle magic melon mosaic pastel ultramarine";

/// Where a stored image may come from.
pub(crate) const ASSET_TYPES: &str = "ASSET CANVAS_ASSET LAYERED_ASSET RESPONSE UPLOAD";
