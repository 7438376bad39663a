//! From the bytes of one picture to the bytes of its cuts: no I/O, and nothing that outlives the
//! call.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::{Review, Swatch, Traits};
use imaging::{Cut, Limits, Preset, Provenance};
use ring::digest::{SHA256, digest};

use crate::metrics;

/// What is to be done with one picture.
pub(crate) struct Task {
    pub(crate) original: Bytes,
    pub(crate) presets: Vec<Preset>,
    pub(crate) provenance: Provenance,
    /// Whether it has yet to be said what it looks like.
    pub(crate) describe: bool,
}

/// What was learnt of it, and what was cut from it.
pub(crate) struct Output {
    pub(crate) traits: Option<Traits>,
    pub(crate) cuts: Vec<Fresh>,
}

/// A cut that is not in the store yet.
pub(crate) struct Fresh {
    pub(crate) preset: Preset,
    pub(crate) cut: Cut,
    pub(crate) sha256: String,
}

/// Decodes once, looks at it once, and makes every cut. Of the same picture it makes the same bytes.
pub(crate) fn work(task: Task) -> Result<Output, imaging::Error> {
    let _timer = metrics::SECONDS.start_timer();
    let Task {
        original,
        presets,
        provenance,
        describe,
    } = task;
    let picture = imaging::decode(&original, &Limits::default())?;
    drop(original);
    let traits = describe.then(|| traits(&imaging::describe(&picture)));
    let fresh = |preset| {
        let cut = imaging::cut(&picture, &preset, &provenance)?;
        let sha256 = hex::encode(digest(&SHA256, &cut.bytes));
        Ok(Fresh {
            preset,
            cut,
            sha256,
        })
    };
    let cuts = presets.into_iter().map(fresh).collect::<Result<_, _>>()?;
    Ok(Output { traits, cuts })
}

/// Why a person should look at a cut before it is used.
pub(crate) fn review(cut: &Cut) -> Vec<Review> {
    let reasons = [
        (cut.text_at_risk, Review::Lettering),
        (cut.over_budget, Review::Bytes),
    ];
    let holds = |(holds, why): (bool, Review)| holds.then_some(why);
    reasons.into_iter().filter_map(holds).collect()
}

fn traits(seen: &imaging::Traits) -> Traits {
    let swatch = |swatch: &imaging::Swatch| {
        let [red, green, blue] = swatch.rgb;
        Swatch {
            hex: format!("#{red:02X}{green:02X}{blue:02X}"),
            weight: swatch.weight,
        }
    };
    Traits {
        thumbhash: STANDARD.encode(&seen.thumbhash),
        perceptual_hash: format!("{:016x}", seen.phash),
        palette: seen.palette.iter().map(swatch).collect(),
    }
}
