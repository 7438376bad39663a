use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow};
use imaging::{Limits, Picture, Preset, cut, decode};

use crate::samples;
use crate::took::timed;

/// Decodes once and cuts all presets.
pub(crate) fn cuts(source: &[u8], presets: &[Preset]) -> Result<Vec<Vec<u8>>> {
    let provenance = samples::provenance()?;
    let picture = decode(source, &Limits::default())?;
    let cut = |preset| Ok(cut(&picture, preset, &provenance)?.bytes);
    presets.iter().map(cut).collect()
}

/// Milliseconds on the clock for all sources by as many threads, each with a source at a time.
pub(crate) fn wall(
    sources: &[(String, Vec<u8>)],
    presets: &[Preset],
    threads: usize,
) -> Result<f64> {
    let (next, start) = (AtomicUsize::new(0), Instant::now());
    let lane = || -> Result<()> {
        while let Some((_, source)) = sources.get(next.fetch_add(1, Ordering::Relaxed)) {
            black_box(cuts(source, presets)?);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..threads).map(|_| scope.spawn(lane)).collect();
        lanes
            .into_iter()
            .try_for_each(|lane| lane.join().map_err(|_| anyhow!("a lane broke down"))?)
    })?;
    Ok(start.elapsed().as_secs_f64() * 1000.0)
}

/// What no cut can do without: to decode the source and to encode results that need no resize.
#[derive(Debug)]
pub(crate) struct Floor<'a> {
    source: &'a [u8],
    presets: &'a [Preset],
    /// What each preset has to encode, in its size already.
    sized: Vec<Picture>,
}

impl<'a> Floor<'a> {
    pub(crate) fn of(source: &'a [u8], presets: &'a [Preset]) -> Result<Self> {
        let (picture, provenance) = (decode(source, &Limits::default())?, samples::provenance()?);
        let sized = |preset: &Preset| -> Result<Picture> {
            let (width, height) = (preset.width(), preset.height());
            let lossless = samples::custom(&format!(
                "width = {width}\nheight = {height}\nfit = \"cover\"\nformat = \"png\""
            ))?;
            let file = cut(&picture, &lossless, &provenance)?.bytes;
            Ok(decode(&file, &Limits::default())?)
        };
        Ok(Self {
            source,
            presets,
            sized: presets.iter().map(sized).collect::<Result<_>>()?,
        })
    }

    /// Milliseconds of CPU for the source and for all results.
    pub(crate) fn turn(&self) -> Result<(f64, f64)> {
        let provenance = samples::provenance()?;
        let (_, decoding) = timed(|| Ok(black_box(decode(self.source, &Limits::default())?)))?;
        let (_, encoding) = timed(|| {
            for (picture, preset) in self.sized.iter().zip(self.presets) {
                black_box(cut(picture, preset, &provenance)?);
            }
            Ok(())
        })?;
        Ok((decoding.cpu, encoding.cpu))
    }
}
