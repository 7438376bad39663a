//! What the cuts of a request will do to its pictures, told before there is one.

use domain::{Request, Resolution};
use ideogram::Api;
use imaging::{Preset, Presets};
use serde::Serialize;

/// A larger share than this is not lost without a word.
const LOSS: f32 = 0.25;

/// What is to be expected of the cuts, and what of it may come as a surprise.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Outlook {
    /// One for each preset; nothing where the size of the pictures is not known yet.
    forecast: Option<Vec<Forecast>>,
    warnings: Vec<String>,
}

/// The figures are those that the cut will have.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Forecast {
    preset: String,
    width: u32,
    height: u32,
    format: String,
    crop_loss: f32,
    upscaled: bool,
    scale: f64,
}

impl Outlook {
    /// What `presets` will make of `request`. Nothing is known where the model decides on the size,
    /// where a picture does that nobody has looked at, and of presets that are gone.
    pub(crate) fn of(request: &Request, presets: &Presets, api: Api) -> Self {
        let call = ideogram::plan(request, api).ok();
        let cuts = presets.choose_all(&request.presets).ok();
        match (call.and_then(|call| call.resolution), cuts) {
            (_, Some(cuts)) if cuts.is_empty() => Self::new(Vec::new(), Vec::new()),
            (Some(size), Some(cuts)) => Self::of_size(size, &cuts),
            _ => Self::default(),
        }
    }

    fn of_size(size: Resolution, cuts: &[Preset]) -> Self {
        let forecasts: Vec<_> = cuts.iter().map(|cut| Forecast::of(cut, size)).collect();
        let warnings = forecasts
            .iter()
            .flat_map(|cut| cut.warnings(size))
            .collect();
        Self::new(forecasts, warnings)
    }

    const fn new(forecast: Vec<Forecast>, warnings: Vec<String>) -> Self {
        Self {
            forecast: Some(forecast),
            warnings,
        }
    }
}

impl Forecast {
    fn of(preset: &Preset, size: Resolution) -> Self {
        let forecast = preset.forecast((size.width, size.height));
        Self {
            preset: preset.name().to_owned(),
            width: forecast.width,
            height: forecast.height,
            format: preset.encoding().format().to_string(),
            crop_loss: forecast.crop_loss,
            upscaled: forecast.upscaled,
            scale: forecast.scale,
        }
    }

    fn warnings(&self, size: Resolution) -> impl Iterator<Item = String> {
        let (preset, percent) = (&self.preset, 100.0 * self.crop_loss);
        let lost = format!("{preset} cuts away {percent:.0} % of a picture of {size}");
        let enlarged = format!("{preset} enlarges what it takes {:.2} times", self.scale);
        let lost = (self.crop_loss > LOSS).then_some(lost);
        let enlarged = self.upscaled.then_some(enlarged);
        [lost, enlarged].into_iter().flatten()
    }
}
