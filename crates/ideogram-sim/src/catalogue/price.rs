//! Prices in USD micros for one image. Sources: the provider's price page of 2026-11-16 for 3.0, 4.0
//! and 4.5, its quotes of 2026-10-10 for the other v2 routes, its older lists for what came before.
//! A quote was seen at the usual tier only where a table says no more.

use super::row::Tier;
use super::words::Spelling::{Capitals, Listed};

const fn speed(prices: &'static [(&'static str, i64)]) -> Tier {
    tier("rendering_speed", "default", prices)
}

pub(super) const fn tier(
    field: &'static str,
    usual: &'static str,
    prices: &'static [(&'static str, i64)],
) -> Tier {
    Tier {
        field,
        spelling: Listed,
        usual,
        prices,
    }
}

const fn capitals(tier: Tier) -> Tier {
    Tier {
        spelling: Capitals,
        ..tier
    }
}

pub(super) const SPEED_2: Tier =
    speed(&[("turbo", 50_000), ("default", 80_000), ("quality", 80_000)]);
pub(super) const SPEED_2A: Tier =
    speed(&[("turbo", 25_000), ("default", 40_000), ("quality", 40_000)]);
pub(super) const SPEED_3: Tier =
    speed(&[("turbo", 30_000), ("default", 60_000), ("quality", 90_000)]);
pub(super) const SPEED_3_CHARACTER: Tier = speed(&[
    ("turbo", 100_000),
    ("default", 150_000),
    ("quality", 200_000),
]);
pub(super) const SPEED_3_TRANSPARENT: Tier =
    speed(&[("turbo", 40_000), ("default", 70_000), ("quality", 100_000)]);
pub(super) const SPEED_4: Tier =
    speed(&[("turbo", 30_000), ("default", 60_000), ("quality", 100_000)]);

pub(super) const QUALITY_45: Tier = tier(
    "quality",
    "high",
    &[("low", 30_000), ("medium", 60_000), ("high", 100_000)],
);
/// From images: the whole scale, another usual step, and a dearer top.
pub(super) const QUALITY_45_EDIT: Tier = tier(
    "quality",
    "medium",
    &[
        ("very_low", 8_000),
        ("low", 30_000),
        ("medium", 60_000),
        ("high", 220_000),
    ],
);

/// What the upscaling of a transparent 3.0 picture adds.
pub(super) const TRANSPARENT_FACTOR: Tier = tier(
    "upscale_factor",
    "x1",
    &[("x1", 0), ("x2", 120_000), ("x4", 160_000)],
);
pub(super) const TRANSPARENT_FACTOR_V1: Tier = capitals(TRANSPARENT_FACTOR);

/// v1 calls the usual speed by two names, and knows a faster one.
pub(super) const SPEED_V1: Tier = capitals(speed(&[
    ("flash", 30_000),
    ("turbo", 30_000),
    ("balanced", 60_000),
    ("default", 60_000),
    ("quality", 90_000),
]));
pub(super) const SPEED_V1_CHARACTER: Tier = capitals(speed(&[
    ("flash", 100_000),
    ("turbo", 100_000),
    ("balanced", 150_000),
    ("default", 150_000),
    ("quality", 200_000),
]));
/// No flash here.
pub(super) const SPEED_V1_TRANSPARENT: Tier = capitals(speed(&[
    ("turbo", 40_000),
    ("balanced", 70_000),
    ("default", 70_000),
    ("quality", 100_000),
]));

pub(super) const LEGACY_MODEL: Tier = capitals(tier(
    "model",
    "v_2",
    &[
        ("v_1", 60_000),
        ("v_1_turbo", 20_000),
        ("v_2", 80_000),
        ("v_2_turbo", 50_000),
        ("v_2a", 40_000),
        ("v_2a_turbo", 25_000),
        ("v_3", 60_000),
        ("auto", 80_000),
    ],
));
pub(super) const LEGACY_EDIT_MODEL: Tier = capitals(tier(
    "model",
    "v_2",
    &[("v_2", 80_000), ("v_2_turbo", 50_000)],
));
