use domain::{Model, Quality, RenderingSpeed, Usd};

/// What one image costs, or nothing if no price is published for the combination.
///
/// The list of 2026-11-16 for 3.0 and later; for older models the list of mid-2026, whose default
/// tiers still agreed with dry runs in October. <https://ideogram.ai/blog/ideogram-api-pricing>
#[must_use]
#[expect(
    clippy::match_same_arms,
    reason = "it is a list; equal prices are a coincidence"
)]
pub const fn price(
    model: Model,
    speed: Option<RenderingSpeed>,
    quality: Option<Quality>,
) -> Option<Usd> {
    let micros = match (model, speed, quality) {
        (Model::V1Turbo, None, None) => 20_000,
        (Model::V1, None, None) => 60_000,
        (Model::V2ATurbo, None, None) => 25_000,
        (Model::V2A, None, None) => 40_000,
        (Model::V2Turbo, None, None) => 50_000,
        (Model::V2, None, None) => 80_000,
        (Model::V3, speed, None) => tier(speed, 90_000),
        (Model::V4, speed, None) => tier(speed, 100_000),
        (Model::V45, None, Some(Quality::Low)) => 30_000,
        (Model::V45, None, Some(Quality::Medium)) => 60_000,
        // Left to itself, 4.5 takes its highest quality.
        (Model::V45, None, None | Some(Quality::High)) => 100_000,
        _ => return None,
    };
    Some(Usd::from_micros(micros))
}

/// 3.0 and 4.0 differ only in what their best costs.
const fn tier(speed: Option<RenderingSpeed>, best: i64) -> i64 {
    match speed {
        Some(RenderingSpeed::Turbo) => 30_000,
        None | Some(RenderingSpeed::Default) => 60_000,
        Some(RenderingSpeed::Quality) => best,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cents(
        model: &str,
        speed: Option<&str>,
        quality: Option<&str>,
    ) -> anyhow::Result<Option<f64>> {
        let price = price(
            model.parse()?,
            speed.map(str::parse).transpose()?,
            quality.map(str::parse).transpose()?,
        );
        Ok(price.map(|usd| usd.micros() as f64 / 10_000.0))
    }

    #[test]
    fn the_list_is_as_published() -> anyhow::Result<()> {
        for (model, price) in [
            ("V_1", 6.0),
            ("V_1_TURBO", 2.0),
            ("V_2", 8.0),
            ("V_2_TURBO", 5.0),
            ("V_2A", 4.0),
            ("V_2A_TURBO", 2.5),
            ("V_3", 6.0),
            ("ideogram-4", 6.0),
            ("ideogram-4-5", 10.0),
        ] {
            assert_eq!(cents(model, None, None)?, Some(price), "{model}");
        }
        for (model, prices) in [("V_3", [3.0, 6.0, 9.0]), ("ideogram-4", [3.0, 6.0, 10.0])] {
            for (speed, price) in ["TURBO", "DEFAULT", "QUALITY"].into_iter().zip(prices) {
                assert_eq!(
                    cents(model, Some(speed), None)?,
                    Some(price),
                    "{model} {speed}"
                );
            }
        }
        for (quality, price) in [("low", 3.0), ("medium", 6.0), ("high", 10.0)] {
            assert_eq!(
                cents("ideogram-4-5", None, Some(quality))?,
                Some(price),
                "{quality}"
            );
        }
        Ok(())
    }

    #[test]
    fn what_is_not_on_the_list_has_no_price() -> anyhow::Result<()> {
        assert_eq!(cents("V_2", Some("QUALITY"), None)?, None);
        assert_eq!(cents("V_3", None, Some("low"))?, None);
        assert_eq!(cents("ideogram-4-5", Some("TURBO"), None)?, None);
        Ok(())
    }
}
