//! What a preset will do to a size is known before there is a picture, and the best size with it.

mod samples;

use anyhow::{Context, Result};
use imaging::{Forecast, Limits, Preset, best_source, better_source, cut, decode};
use proptest::prelude::*;

/// Sizes that an image model offers.
const SIZES: [(u32, u32); 7] = [
    (1024, 1024),
    (1312, 736),
    (736, 1312),
    (1344, 704),
    (1536, 512),
    (1152, 864),
    (832, 1248),
];

fn chosen(names: &[&str]) -> Result<Vec<Preset>> {
    names.iter().map(|name| samples::preset(name)).collect()
}

fn best(names: &[&str], sizes: &[(u32, u32)]) -> Result<Option<(u32, u32)>> {
    let presets = chosen(names)?;
    let presets: Vec<&Preset> = presets.iter().collect();
    Ok(best_source(&presets, sizes).map(|index| sizes[index]))
}

#[test]
fn a_forecast_is_what_a_cut_reports() -> Result<()> {
    let fits = ["cover", "contain", "extend", "inside"];
    for (width, height) in [(130, 70), (64, 64), (33, 90)] {
        let picture = decode(&samples::rgb_png(width, height)?, &Limits::default())?;
        for fit in fits {
            for gravity in ["northwest", "attention", "text-safe"] {
                let preset = samples::custom(&format!(
                    "width=80\nheight=42\nfit=\"{fit}\"\nformat=\"png\"\ngravity=\"{gravity}\""
                ))?;
                let forecast = preset.forecast((width, height));
                let cut = cut(&picture, &preset, &samples::provenance()?)?;
                let size = (forecast.width, forecast.height);
                assert_eq!(size, (cut.width, cut.height), "{fit} {gravity}");
                assert_eq!(forecast.crop_loss, cut.crop_loss, "{fit} {gravity}");
                assert_eq!(forecast.upscaled, cut.upscaled, "{fit} {gravity}");
            }
        }
    }
    Ok(())
}

#[test]
fn the_scale_tells_how_much_is_enlarged() -> Result<()> {
    let instagram = samples::preset("instagram")?;

    let same = instagram.forecast((1080, 1080));
    assert_eq!(
        (same.crop_loss, same.upscaled, same.scale),
        (0.0, false, 1.0)
    );
    let double = instagram.forecast((540, 1080));
    assert_eq!(
        (double.crop_loss, double.upscaled, double.scale),
        (0.5, true, 2.0)
    );
    let half = instagram.forecast((2160, 2160));
    assert_eq!(
        (half.crop_loss, half.upscaled, half.scale),
        (0.0, false, 0.5)
    );
    // Never enlarged.
    assert_eq!(samples::preset("thumbnail")?.forecast((40, 30)).scale, 1.0);
    Ok(())
}

#[test]
fn the_best_source_loses_least() -> Result<()> {
    assert_eq!(best(&["og-image"], &SIZES)?, Some((1344, 704)));
    assert_eq!(best(&["instagram"], &SIZES)?, Some((1024, 1024)));
    assert_eq!(best(&["twitter-header"], &SIZES)?, Some((1536, 512)));
    // The widest would lose most of the square, and the square most of the header.
    let all = ["og-image", "twitter-header", "instagram", "thumbnail"];
    assert_eq!(best(&all, &SIZES)?, Some((1344, 704)));
    Ok(())
}

#[test]
fn of_equal_losses_the_one_that_need_not_be_enlarged_wins_and_then_the_smallest() -> Result<()> {
    let squares = [
        (512, 512),
        (4096, 4096),
        (1024, 1024),
        (2048, 2048),
        (2048, 2048),
    ];
    let instagram = samples::preset("instagram")?;

    assert_eq!(best_source(&[&instagram], &squares), Some(3));
    assert_eq!(best_source(&[&instagram], &squares[..1]), Some(0));
    // Crops end on a grid: of one ratio, the larger loses a hair less of its area.
    assert_eq!(
        best(&["og-image"], &[(2048, 2048), (1500, 1500)])?,
        Some((1500, 1500))
    );
    Ok(())
}

#[test]
fn what_is_usual_stays_unless_another_size_serves_better() -> Result<()> {
    let better = |names: &[&str]| {
        let presets = chosen(names)?;
        let presets: Vec<&Preset> = presets.iter().collect();
        let better = better_source(&presets, (1024, 1024), &SIZES);
        anyhow::Ok(better.map(|index| SIZES[index]))
    };

    assert_eq!(better(&["twitter-header"])?, Some((1536, 512)));
    // A square serves it best; and this one is served by any shape, the narrowest having the fewest
    // pixels.
    assert_eq!(better(&["instagram"])?, None);
    assert_eq!(better(&["thumbnail"])?, None);
    assert_eq!(better(&[])?, None);
    Ok(())
}

#[test]
fn without_presets_or_sizes_there_is_nothing_to_choose_by() -> Result<()> {
    assert_eq!(best(&[], &SIZES)?, None);
    assert_eq!(best(&["instagram"], &[])?, None);
    Ok(())
}

fn any_preset() -> impl Strategy<Value = Preset> {
    let fits = vec!["cover", "contain", "extend", "inside"];
    (1..=4096u32, 1..=4096u32, proptest::sample::select(fits)).prop_filter_map(
        "parses",
        |(width, height, fit)| {
            samples::custom(&format!(
                "width={width}\nheight={height}\nfit=\"{fit}\"\nformat=\"png\""
            ))
            .ok()
        },
    )
}

proptest! {
    #[test]
    fn any_size_has_a_forecast(preset in any_preset(), width: u32, height: u32) {
        let Forecast { crop_loss, upscaled, scale, .. } = preset.forecast((width, height));

        prop_assert!((0.0..=1.0).contains(&crop_loss));
        prop_assert!(scale > 0.0 && scale.is_finite());
        prop_assert!(!upscaled || scale > 1.0);
    }

    #[test]
    fn no_other_size_loses_less(
        presets in proptest::collection::vec(any_preset(), 1..5),
        sizes in proptest::collection::vec((1..=4096u32, 1..=4096u32), 1..20),
    ) {
        let presets: Vec<&Preset> = presets.iter().collect();
        let loss = |size| {
            let losses = presets.iter().map(|preset| preset.forecast(size).crop_loss);
            losses.sum::<f32>() / presets.len() as f32
        };

        let best = best_source(&presets, &sizes).context("no size").map(|index| sizes[index]);
        let best = best.map_err(|err| TestCaseError::fail(err.to_string()))?;
        prop_assert!(sizes.iter().all(|size| loss(best) <= loss(*size) + 0.001_01));
    }
}
