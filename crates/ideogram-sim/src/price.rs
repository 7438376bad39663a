//! Prices in USD micros for one image. Sources: the provider's price page of 2026-11-16 for 3.0,
//! 4.0 and 4.5, and its older list for 1.0, 2.0 and 2a.

use crate::order::Model;

/// What one image of `model` costs at `tier` (a rendering speed or quality in lower case).
pub(crate) fn usd_micros(model: Model, tier: &str) -> i64 {
    match (model, tier) {
        (Model::V1Turbo, _) => 20_000,
        (Model::V2aTurbo, _) | (Model::V2a, "turbo") => 25_000,
        (Model::V2Turbo, _) | (Model::V2, "turbo") => 50_000,
        (Model::V2a, _) => 40_000,
        (Model::V2 | Model::Auto, _) => 80_000,
        (Model::V3, "flash" | "turbo") | (Model::V4, "turbo") | (Model::V45, "low") => 30_000,
        (Model::V3, "quality") => 90_000,
        (Model::V4, "quality") | (Model::V45, "high") => 100_000,
        (Model::V1 | Model::V3 | Model::V4 | Model::V45, _) => 60_000,
    }
}
