//! One stored picture, and what is cut from it. Bytes live no longer than these calls.

use std::fmt::Write as _;

use bytes::Bytes;
use domain::{Billed, Code, Derivative, Failure, Image, Job, Phase, PresetChoice};
use imaging::{Cut, Limits, Preset, Presets, Provenance};
use ring::digest::{SHA256, digest};
use runtime::crash;
use storage::{Key, Store};

use crate::metrics;

/// Why a picture has no derivatives.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It never will have any.
    Hopeless(Failure),
    /// It may, a little later.
    Again(bus::Source, Failure),
}

/// A cut that is not in the store yet.
struct Fresh {
    preset: Preset,
    cut: Cut,
    sha256: String,
}

/// Makes every derivative that `job` asks for of `image`.
pub(crate) async fn derivatives(
    store: &Store,
    public_url: &str,
    presets: &Presets,
    job: &Job,
    image: &Image,
) -> Result<Vec<Derivative>, Trouble> {
    let presets = chosen(presets, &job.request.presets)?;
    let original = original(store, image).await?;
    let fresh = cut(original, presets, provenance(job, image)).await?;
    crash::point("post_processor.after_cut");

    let mut derivatives = Vec::with_capacity(fresh.len());
    for Fresh {
        preset,
        cut,
        sha256,
    } in fresh
    {
        let extension = cut.format.extension();
        let (name, version) = (preset.name(), preset.version());
        let key = Key::derived(
            &job.id,
            image.index,
            &image.sha256,
            &name,
            &version,
            extension,
        )
        .map_err(|err| hopeless(Code::StoreFailed, format!("a cut cannot be stored: {err}")))?;
        let bytes = cut.bytes.len() as u64;
        store
            .put_new(&key, cut.bytes.into())
            .await
            .map_err(storing)?;
        crash::point("post_processor.after_put");
        metrics::CUTS.with_label_values(&[name]).inc();
        derivatives.push(Derivative {
            preset: name.to_owned(),
            url: format!("{public_url}/assets/{key}"),
            key: key.to_string(),
            width: cut.width,
            height: cut.height,
            format: cut.format.to_string(),
            bytes,
            sha256,
            crop_loss: cut.crop_loss,
            upscaled: cut.upscaled,
            review: Vec::new(),
        });
    }
    Ok(derivatives)
}

fn chosen(presets: &Presets, choices: &[PresetChoice]) -> Result<Vec<Preset>, Trouble> {
    // What was checked at the door may have gone from the file since.
    let choose = |choice| {
        let chosen = presets.choose(choice);
        chosen.map_err(|err| hopeless(Code::Unsupported, err.to_string()))
    };
    choices.iter().map(choose).collect()
}

async fn original(store: &Store, image: &Image) -> Result<Bytes, Trouble> {
    let key = image.key.as_deref().unwrap_or_default();
    let gone = |why: &dyn std::fmt::Display| {
        hopeless(
            Code::Undecodable,
            format!("the original `{key}` cannot be had: {why}"),
        )
    };
    let parsed = Key::parse(key).map_err(|err| gone(&err))?;
    match store.get(&parsed).await {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(gone(&"it is not in the store any more")),
        Err(err) => Err(storing(err)),
    }
}

/// Decodes once and cuts all, away from the threads that keep connections alive.
async fn cut(
    original: Bytes,
    presets: Vec<Preset>,
    provenance: Provenance,
) -> Result<Vec<Fresh>, Trouble> {
    let work = move || {
        let _timer = metrics::SECONDS.start_timer();
        let picture = imaging::decode(&original, &Limits::default())?;
        drop(original);
        presets
            .into_iter()
            .map(|preset| {
                let cut = imaging::cut(&picture, &preset, &provenance)?;
                let sha256 = hex(&cut.bytes);
                Ok(Fresh {
                    preset,
                    cut,
                    sha256,
                })
            })
            .collect::<Result<_, imaging::Error>>()
    };
    match runtime::blocking(work).await {
        Ok(Ok(fresh)) => Ok(fresh),
        Ok(Err(err)) => Err(hopeless(Code::Undecodable, err.to_string())),
        Err(err @ runtime::Error::Panicked(_)) => Err(hopeless(
            Code::Undecodable,
            format!("the decoder broke down: {err}"),
        )),
        Err(err) => {
            let message = format!("the image could not be cut: {err}");
            Err(Trouble::Again(err.into(), failure(Code::Internal, message)))
        }
    }
}

/// The same whenever the same picture is cut, or the second cut would not be the first.
fn provenance(job: &Job, image: &Image) -> Provenance {
    let generator = match job.simulated {
        true => "Ideogram via Darkroom (simulated)",
        false => "Ideogram via Darkroom",
    };
    Provenance {
        generator: generator.to_owned(),
        model: job.request.model.to_string(),
        created: job.accepted_at,
        id: image.id.to_string(),
        prompt: None,
    }
}

fn storing(err: storage::Error) -> Trouble {
    let message = format!("the cuts could not be made: {err}");
    match err.is_permanent() {
        true => hopeless(Code::StoreFailed, message),
        false => Trouble::Again(err.into(), failure(Code::StoreFailed, message)),
    }
}

fn hopeless(code: Code, message: String) -> Trouble {
    Trouble::Hopeless(failure(code, message))
}

/// Whatever happens here, the picture was paid for, and its original is kept.
pub(crate) const fn failure(code: Code, message: String) -> Failure {
    Failure {
        code,
        message,
        phase: Phase::Derivation,
        billed: Billed::Yes,
    }
}

fn hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes)
        .as_ref()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string does not fail.
            write!(text, "{byte:02x}").ok();
            text
        })
}
