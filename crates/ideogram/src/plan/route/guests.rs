//! v2: drawing from words with the models of others, and with whichever the provider chooses.

use domain::Model;
use domain::Quality::{High, Low, Medium, VeryLow};
use domain::ResolutionTier::{K1, K2, K4};

use super::{
    MAGIC, MaskSlot, NO_SHAPES, NO_SLOTS, PLAIN, Qualities, Ratios, Route, Shapes, Sizes, Slots,
    Tiers, Transparency, slot,
};
use crate::plan::file::Polarity;
use crate::plan::{price, sizes};

const AUTO: Route = Route {
    path: "/v2/image/generate/auto",
    webhook: false,
    magic: MAGIC,
    negative_prompt: true,
    shapes: Shapes {
        size: Some(("resolution", Sizes::Any)),
        ratios: Ratios::Free(sizes::V4_RATIOS),
        tiers: Some(Tiers {
            field: "resolution_tier",
            list: &[K1, K2, K4],
            upper: false,
        }),
        ..NO_SHAPES
    },
    slots: Slots {
        images: Some(slot("images", 10, 25)),
        ..NO_SLOTS
    },
    price: price::of_auto,
    ..PLAIN
};
const P_IMAGE: Route = Route {
    path: "/v2/image/generate/p-image-ideogram",
    magic: MAGIC,
    shapes: Shapes {
        ratios: Ratios::Free(sizes::V3_RATIOS),
        tiers: Some(Tiers {
            field: "resolution",
            list: &[K1, K2],
            upper: false,
        }),
        ..NO_SHAPES
    },
    quality: Some(Qualities {
        list: &[VeryLow, Low, Medium, High],
        usual: None,
    }),
    price: price::of_p_image,
    ..PLAIN
};
const Z_IMAGE: Route = Route {
    path: "/v2/image/generate/z-image",
    shapes: Shapes {
        size: Some(("resolution", Sizes::Any)),
        ratios: Ratios::Sized(sizes::RATIOS),
        ..NO_SHAPES
    },
    price: price::of_z_image,
    ..PLAIN
};
const GPT_2: Route = Route {
    path: "/v2/image/generate/gpt-image-2",
    shapes: Shapes {
        size: Some(("resolution", Sizes::Any)),
        ratios: Ratios::Free(sizes::COLON_RATIOS),
        colon: true,
        ..NO_SHAPES
    },
    slots: Slots {
        images: Some(slot("images", 16, 25)),
        ..NO_SLOTS
    },
    price: price::of_gpt_2,
    ..PLAIN
};
const GPT_25_FLARE: Route = Route {
    path: "/v2/image/generate/gpt-image-2-5-flare",
    quality: Some(Qualities {
        list: &[Low, Medium, High],
        usual: None,
    }),
    transparency: Transparency::Asked,
    slots: Slots {
        mask: Some(MaskSlot {
            slot: slot("mask", 1, 25),
            polarity: Polarity::TransparentChanges,
            needed: false,
            further: 15,
        }),
        ..GPT_2.slots
    },
    price: price::of_gpt_25,
    ..GPT_2
};
const GPT_25_SUNBURST: Route = Route {
    path: "/v2/image/generate/gpt-image-2-5-sunburst",
    ..GPT_25_FLARE
};
const NANO_2: Route = Route {
    path: "/v2/image/generate/nano-banana-2",
    shapes: Shapes {
        ratios: Ratios::Free(sizes::NANO_RATIOS),
        colon: true,
        tiers: Some(Tiers {
            field: "resolution_tier",
            list: &[K1, K2, K4],
            upper: true,
        }),
        ..NO_SHAPES
    },
    slots: Slots {
        images: Some(slot("images", 10, 25)),
        ..NO_SLOTS
    },
    price: price::of_nano_2,
    ..PLAIN
};
const NANO_PRO: Route = Route {
    path: "/v2/image/generate/nano-banana-pro",
    shapes: Shapes {
        ratios: Ratios::Free(sizes::COLON_RATIOS),
        ..NANO_2.shapes
    },
    price: price::of_nano_pro,
    ..NANO_2
};

pub(super) const fn route(model: Model) -> Option<&'static Route> {
    Some(match model {
        Model::Auto => &AUTO,
        Model::PImage => &P_IMAGE,
        Model::ZImage => &Z_IMAGE,
        Model::GptImage2 => &GPT_2,
        Model::GptImage25Flare => &GPT_25_FLARE,
        Model::GptImage25Sunburst => &GPT_25_SUNBURST,
        Model::NanoBanana2 => &NANO_2,
        Model::NanoBananaPro => &NANO_PRO,
        _ => return None,
    })
}
