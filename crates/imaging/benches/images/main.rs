//! Our cuts against sharp's, in one run and in turn: nine sources to the three presets that cut, on one
//! thread. Prints CPU, wall time, bytes and likeness to a float reference as ratios and differences; the
//! last line tells the median of CPU, and its bar. Needs node and npm; the peer is installed under the
//! target directory from the lock file beside. `cargo test -p imaging --bench images` runs it with
//! optimised image code and without a release.

mod inputs;
#[path = "../../tests/lettering/mod.rs"]
mod lettering;
mod peer;
mod quality;
#[path = "../../tests/samples/mod.rs"]
mod samples;

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use imaging::{Limits, Preset, cut, decode};
use peer::{OUTPUT, Peer, Took};
use quality::Likeness;

const PRESETS: [&str; 3] = ["og-image", "instagram", "twitter-header"];
/// Of each side and source, in turn; the least counts, as it has the least of the neighbours' noise.
const TURNS: usize = 5;
const BAR: f64 = 0.30;

/// What one source says of both sides.
struct Pair {
    cpu: f64,
    wall: f64,
    bytes: f64,
}

fn main() -> Result<()> {
    let presets: Vec<Preset> = PRESETS
        .into_iter()
        .map(samples::preset)
        .collect::<Result<_>>()?;
    let mut peer = Peer::start()?;
    println!(
        "likeness: SSIM and luma PSNR to a float reference, ours and sharp's, mean of both kernels"
    );
    let mut pairs = Vec::new();
    for (name, source) in inputs::all()? {
        let pair = compared(&name, &source, &presets, &mut peer)?;
        println!(
            "{name} ({} KiB): cpu {:.3}, wall {:.3}, bytes {:.3} of sharp's",
            source.len() / 1024,
            pair.cpu,
            pair.wall,
            pair.bytes
        );
        pairs.push(pair);
    }
    let median = |of: fn(&Pair) -> f64| {
        let mut values: Vec<f64> = pairs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "median wall {:.3}, bytes {:.3}",
        median(|pair| pair.wall),
        median(|pair| pair.bytes)
    );
    let cpu = median(|pair| pair.cpu);
    println!("median cpu {cpu:.3} of sharp's, bar {BAR:.2}");
    ensure!(cpu <= BAR, "slower than the bar");
    Ok(())
}

fn compared(name: &str, source: &[u8], presets: &[Preset], peer: &mut Peer) -> Result<Pair> {
    let (mut ours, mut theirs) = (Took::NEVER, Took::NEVER);
    let mut files = Vec::new();
    for _ in 0..TURNS {
        let took;
        (files, took) = our_turn(source, presets)?;
        ours = ours.least(took);
        theirs = theirs.least(peer.turn(source)?);
    }
    let (mut our_bytes, mut their_bytes) = (0, 0);
    let picture = decode(source, &Limits::default())?;
    for (preset, file) in presets.iter().zip(&files) {
        let other = fs::read(format!("{OUTPUT}/{}.jpg", preset.name()))?;
        (our_bytes, their_bytes) = (our_bytes + file.len(), their_bytes + other.len());
        let (a, b) = (
            Likeness::of(&picture, preset, file)?,
            Likeness::of(&picture, preset, &other)?,
        );
        println!("  {name} {}: {a} | {b}", preset.name());
    }
    println!(
        "  {name}: {:.1} ms of CPU to sharp's {:.1}",
        ours.cpu, theirs.cpu
    );
    Ok(Pair {
        cpu: ours.cpu / theirs.cpu,
        wall: ours.wall / theirs.wall,
        bytes: our_bytes as f64 / their_bytes as f64,
    })
}

/// Decodes once and cuts all presets on this thread.
fn our_turn(source: &[u8], presets: &[Preset]) -> Result<(Vec<Vec<u8>>, Took)> {
    let provenance = samples::provenance()?;
    let (cpu, start) = (thread_cpu()?, Instant::now());
    let picture = decode(source, &Limits::default())?;
    let mut files = Vec::new();
    for preset in presets {
        files.push(cut(&picture, preset, &provenance)?.bytes);
    }
    let took = Took {
        cpu: thread_cpu()? - cpu,
        wall: start.elapsed().as_secs_f64() * 1000.0,
    };
    Ok((files, took))
}

/// Milliseconds of CPU that this thread has had.
fn thread_cpu() -> Result<f64> {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = statistics.split(' ').next().context("no number")?;
    Ok(nanoseconds.parse::<f64>()? / 1e6)
}
