//! Every route that takes an order, one row each: its fields and rules, its prices, the size of what
//! it makes, and the shape of its answer. Source: the `OpenAPI` document of 2026-10-07 and the
//! provider's pages of November 2026.

mod edit;
mod fields;
mod generate;
mod guests;
mod legacy;
mod price;
mod retouch;
mod row;
mod size;
mod v1;
mod words;

pub(crate) use fields::MAX_SEED;
pub(crate) use row::{BodyKind, Field, Kind, Mask, Route, Rule, Run, Shape, Work};
pub(crate) use size::{Size, parse_size};
pub(crate) use words::{ASSET_TYPES, PALETTES, Shown, Spelling};

/// Every row.
pub(crate) fn routes() -> impl Iterator<Item = &'static Route> {
    [
        generate::ROUTES,
        guests::ROUTES,
        edit::ROUTES,
        retouch::ROUTES,
        v1::ROUTES,
        legacy::ROUTES,
    ]
    .into_iter()
    .flatten()
}

/// The row of a path.
pub(crate) fn find(path: &str) -> Option<&'static Route> {
    routes().find(|route| route.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_row_and_every_usual_tier_a_price() {
        for route in routes() {
            assert_eq!(
                routes().filter(|other| other.path == route.path).count(),
                1,
                "{}",
                route.path
            );
            let tiers = route.tiers.iter();
            let least: i64 = tiers
                .map(|tier| {
                    let usual = tier.prices.iter().find(|(word, _)| *word == tier.usual);
                    usual.map_or(i64::MIN / 4, |(_, price)| *price)
                })
                .sum();
            assert!(route.price + least > 0, "{}", route.path);
        }
    }
}
