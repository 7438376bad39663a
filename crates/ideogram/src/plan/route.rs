//! What each route can say.

use domain::{Model, StyleType};

use super::sizes::{self, Pixels, Ratio};

/// How a route spells its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Lower case, asynchronous, private.
    V2,
    /// Upper case.
    V1,
    /// Upper case, inside `image_request`, the model by name.
    Legacy,
}

/// How a route is told the size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shapes {
    /// The field that takes a size, and which it takes.
    pub(crate) size: Option<(&'static str, &'static [Pixels])>,
    /// The shapes it takes by name; if none, a shape is told by a size.
    pub(crate) ratios: Option<&'static [(Ratio, Pixels)]>,
}

/// A route and what it can say beyond prompt, seed, number of images and magic prompt, which every
/// route can.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) dialect: Dialect,
    pub(crate) shapes: Shapes,
    pub(crate) styles: &'static [StyleType],
    pub(crate) negative_prompt: bool,
    pub(crate) rendering_speed: bool,
    pub(crate) quality: bool,
    pub(crate) color_palette: bool,
    /// `style_preset` and `style_codes`.
    pub(crate) named_styles: bool,
}

const STYLES_2: &[StyleType] = &[
    StyleType::Auto,
    StyleType::General,
    StyleType::Realistic,
    StyleType::Design,
    StyleType::Render3D,
    StyleType::Anime,
];
const STYLES_3: &[StyleType] = &[
    StyleType::Auto,
    StyleType::General,
    StyleType::Realistic,
    StyleType::Design,
    StyleType::Fiction,
];
const STYLES_LEGACY: &[StyleType] = &[
    StyleType::Auto,
    StyleType::General,
    StyleType::Realistic,
    StyleType::Design,
    StyleType::Render3D,
    StyleType::Anime,
    StyleType::Fiction,
];

const BY_RATIO: Shapes = Shapes {
    size: None,
    ratios: Some(sizes::RATIOS),
};
const PLAIN: Route = Route {
    path: "",
    dialect: Dialect::V2,
    shapes: BY_RATIO,
    styles: &[],
    negative_prompt: false,
    rendering_speed: false,
    quality: false,
    color_palette: false,
    named_styles: false,
};

const IDEOGRAM_2: Route = Route {
    path: "/v2/image/generate/ideogram-2",
    styles: STYLES_2,
    negative_prompt: true,
    ..PLAIN
};
const IDEOGRAM_2A: Route = Route {
    path: "/v2/image/generate/ideogram-2a",
    styles: STYLES_2,
    ..PLAIN
};
const IDEOGRAM_3: Route = Route {
    path: "/v2/image/generate/ideogram-3",
    shapes: Shapes {
        size: Some(("resolution", sizes::V3)),
        ratios: Some(sizes::RATIOS),
    },
    styles: STYLES_3,
    negative_prompt: true,
    rendering_speed: true,
    color_palette: true,
    named_styles: true,
    ..PLAIN
};
const IDEOGRAM_4: Route = Route {
    path: "/v2/image/generate/ideogram-4",
    shapes: Shapes {
        size: Some(("resolution", sizes::V4)),
        ratios: None,
    },
    rendering_speed: true,
    ..PLAIN
};
const IDEOGRAM_45: Route = Route {
    path: "/v2/image/generate/ideogram-4-5",
    shapes: Shapes {
        size: Some(("size", sizes::V45)),
        ratios: None,
    },
    quality: true,
    ..PLAIN
};
const V1_IDEOGRAM_3: Route = Route {
    path: "/v1/ideogram-v3/generate",
    dialect: Dialect::V1,
    ..IDEOGRAM_3
};

const LEGACY_2A: Route = Route {
    path: "/generate",
    dialect: Dialect::Legacy,
    shapes: Shapes {
        size: None,
        ratios: Some(sizes::LEGACY_RATIOS),
    },
    styles: STYLES_LEGACY,
    ..PLAIN
};
const LEGACY_2: Route = Route {
    shapes: Shapes {
        size: Some(("resolution", sizes::LEGACY)),
        ..LEGACY_2A.shapes
    },
    negative_prompt: true,
    color_palette: true,
    ..LEGACY_2A
};
const LEGACY_1: Route = Route {
    shapes: Shapes {
        size: None,
        ratios: Some(sizes::V1_RATIOS),
    },
    styles: &[],
    negative_prompt: true,
    ..LEGACY_2A
};

impl Dialect {
    /// The route of a model in this dialect, if it has one.
    pub(crate) const fn route(self, model: Model) -> Option<Route> {
        match (self, model) {
            (Self::V2, Model::V2 | Model::V2Turbo) => Some(IDEOGRAM_2),
            (Self::V2, Model::V2A | Model::V2ATurbo) => Some(IDEOGRAM_2A),
            (Self::V2, Model::V3) => Some(IDEOGRAM_3),
            (Self::V2, Model::V4) => Some(IDEOGRAM_4),
            (Self::V2, Model::V45) => Some(IDEOGRAM_45),
            (Self::V1, Model::V3) => Some(V1_IDEOGRAM_3),
            (Self::Legacy, Model::V1 | Model::V1Turbo) => Some(LEGACY_1),
            (Self::Legacy, Model::V2 | Model::V2Turbo) => Some(LEGACY_2),
            (Self::Legacy, Model::V2A | Model::V2ATurbo) => Some(LEGACY_2A),
            _ => None,
        }
    }

    /// The models of this dialect, for people.
    pub(crate) const fn models(self) -> &'static str {
        match self {
            Self::V2 => "V_2, V_2_TURBO, V_2A, V_2A_TURBO, V_3, ideogram-4, ideogram-4-5",
            Self::V1 => "V_3",
            Self::Legacy => "V_1, V_1_TURBO, V_2, V_2_TURBO, V_2A, V_2A_TURBO",
        }
    }
}
