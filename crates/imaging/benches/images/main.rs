//! Our cuts against sharp's, in one run and in turn: nine sources of 1.2 to 2 MB to the three presets that cut.
//!
//! - JPEG: CPU of one thread, wall time of two, bytes, and likeness to an exact resize.
//! - Memory of each source in flight, and whether it grows over a thousand of them.
//! - WebP and AVIF: CPU of one thread.
//!
//! The floor is what no cut can do without: decode and encode, with no resize between. Where the encoder is
//! nearly all of the work, the bar is set from it:
//!
//! - WebP comes from libwebp on both sides, with the same effort. The floor is 0.64 of sharp's CPU and our
//!   resize adds 0.04, so that only a faster libwebp could be much better: at most 0.75.
//! - AVIF comes from rav1e and from libaom. The floor is 0.25 and no resize shows beside it: at most 0.30.
//!   Their scales of quality differ, so that bytes are told and have no bar.
//!
//! The last line tells the figures with their bars. Needs node and npm; the peer is installed under the
//! target directory from the lock file beside.

mod inputs;
#[path = "../../tests/lettering/mod.rs"]
mod lettering;
mod memory;
mod ours;
mod peer;
mod quality;
#[path = "../../tests/samples/mod.rs"]
mod samples;
mod ssim;
mod took;
mod verdict;

use std::env;
use std::path::PathBuf;

use anyhow::Result;
use imaging::{Limits, Preset, decode};
use ours::Floor;
use peer::{Peer, Way};
use quality::Likeness;
use took::{Took, median, timed};
use verdict::Verdict;

const PRESETS: [&str; 3] = ["og-image", "instagram", "twitter-header"];
/// Of each side and source, in turn; the least counts, as it has the least of the neighbours' noise.
const TURNS: usize = 8;
const CPU_BAR: f64 = 0.30;
const WALL_BAR: f64 = 0.35;
const BYTES_BAR: f64 = 1.0;
const MEMORY_BAR_MB: f64 = 24.0;
/// Over 500 sources: 4 kB each, and less than the allocator keeps of one picture.
const GROWTH_BAR_MB: f64 = 2.0;
const WEBP_BAR: f64 = 0.75;
const AVIF_BAR: f64 = 0.30;

fn main() -> Result<()> {
    let presets = presets("jpeg")?;
    if env::args().any(|argument| argument == memory::ARGUMENT) {
        return memory::run(&presets);
    }
    let mut bench = Bench::new()?;
    let mut verdict = Verdict::default();
    bench.jpeg(&presets, &mut verdict)?;
    bench.wall(&presets, &mut verdict)?;
    let memory = memory::measured()?;
    verdict.at_most("MB in flight", memory.each, MEMORY_BAR_MB);
    verdict.at_most("MB of growth", memory.growth, GROWTH_BAR_MB);
    bench.slow("webp", (&[0, 3, 5], 4), WEBP_BAR, &mut verdict)?;
    bench.slow("avif", (&[0], 1), AVIF_BAR, &mut verdict)?;
    verdict.given()
}

/// The presets that cut, in a format.
fn presets(format: &str) -> Result<Vec<Preset>> {
    let preset = |name| {
        let preset = samples::preset(name)?;
        let (width, height) = (preset.width(), preset.height());
        samples::custom(&format!(
            "width = {width}\nheight = {height}\nfit = \"cover\"\nformat = \"{format}\""
        ))
    };
    PRESETS.into_iter().map(preset).collect()
}

struct Bench {
    peer: Peer,
    sources: Vec<(String, Vec<u8>)>,
    /// Where the peer finds them.
    paths: Vec<PathBuf>,
}

/// What one source says of both sides.
struct Pair {
    ours: Took,
    theirs: Took,
    /// Milliseconds of CPU to decode, and to encode.
    floor: (f64, f64),
    files: [Vec<Vec<u8>>; 2],
}

impl Pair {
    fn cpu(&self) -> f64 {
        self.ours.cpu / self.theirs.cpu
    }

    fn floor(&self) -> f64 {
        (self.floor.0 + self.floor.1) / self.theirs.cpu
    }

    /// How many bytes we and they have written.
    fn bytes(&self) -> [usize; 2] {
        (self.files)
            .each_ref()
            .map(|files| files.iter().map(Vec::len).sum())
    }
}

impl Bench {
    fn new() -> Result<Self> {
        let peer = Peer::start()?;
        let sources = inputs::all()?;
        let kept = |(index, (_, source)): (usize, &(String, Vec<u8>))| peer::kept(index, source);
        let paths = sources
            .iter()
            .enumerate()
            .map(kept)
            .collect::<Result<_>>()?;
        Ok(Self {
            peer,
            sources,
            paths,
        })
    }

    fn jpeg(&mut self, presets: &[Preset], verdict: &mut Verdict) -> Result<()> {
        println!("likeness: SSIMULACRA2, SSIM and PSNR of luma, ours and sharp's");
        let mut pairs = Vec::new();
        let mut gains = Vec::new();
        for index in 0..self.sources.len() {
            let pair = self.pair("jpeg", index, presets, TURNS)?;
            let picture = decode(&self.sources[index].1, &Limits::default())?;
            for (at, preset) in presets.iter().enumerate() {
                let files = pair.files.each_ref().map(|files| files[at].as_slice());
                let [us, them] = Likeness::of_both(&picture, preset, files)?;
                println!("  {}: {us} | {them}", PRESETS[at]);
                gains.push(us - them);
            }
            pairs.push(pair);
        }
        let floor = median(pairs.iter().map(Pair::floor))?;
        println!("jpeg: median of the floor {floor:.3} of sharp's CPU");
        verdict.at_most("cpu", median(pairs.iter().map(Pair::cpu))?, CPU_BAR);
        let [ours, theirs] = [0, 1].map(|side| {
            let bytes = pairs.iter().map(|pair| pair.bytes()[side]);
            bytes.sum::<usize>() as f64
        });
        verdict.at_most("bytes", ours / theirs, BYTES_BAR);
        let mean =
            |of: fn(&Likeness) -> f64| gains.iter().map(of).sum::<f64>() / gains.len() as f64;
        verdict.at_least("SSIMULACRA2 gained", mean(|gain| gain.ssimulacra), 0.0);
        verdict.at_least("SSIM gained", mean(|gain| gain.ssim), 0.0);
        verdict.at_least("dB gained", mean(|gain| gain.psnr), 0.0);
        Ok(())
    }

    /// Both sides in turn on one thread.
    fn pair(
        &mut self,
        format: &'static str,
        index: usize,
        presets: &[Preset],
        turns: usize,
    ) -> Result<Pair> {
        let (name, source) = &self.sources[index];
        let floor = Floor::of(source, presets)?;
        let mut pair = Pair {
            ours: Took::NEVER,
            theirs: Took::NEVER,
            floor: (f64::MAX, f64::MAX),
            files: [Vec::new(), Vec::new()],
        };
        for _ in 0..turns {
            let took;
            (pair.files[0], took) = timed(|| ours::cuts(source, presets))?;
            pair.ours = pair.ours.least(took);
            let took = (self.peer).turn(Way::alone(format), &self.paths[index..=index])?;
            pair.theirs = pair.theirs.least(took);
            let (decode, encode) = floor.turn()?;
            pair.floor = (pair.floor.0.min(decode), pair.floor.1.min(encode));
        }
        pair.files[1] = Peer::files()?;
        let [ours, theirs] = pair.bytes();
        println!(
            "{name}, {} kB to {format}: {:.1} ms of CPU to sharp's {:.1} ({:.3}), floor {:.1} + {:.1} ({:.3}), bytes {:.3}",
            source.len() / 1000,
            pair.ours.cpu,
            pair.theirs.cpu,
            pair.cpu(),
            pair.floor.0,
            pair.floor.1,
            pair.floor(),
            ours as f64 / theirs as f64
        );
        Ok(pair)
    }

    /// All sources by two threads: two sources at a time on our side, and whatever is faster on theirs.
    fn wall(&mut self, presets: &[Preset], verdict: &mut Verdict) -> Result<()> {
        let (mut ours, mut theirs) = (f64::MAX, f64::MAX);
        for _ in 0..TURNS {
            ours = ours.min(ours::wall(&self.sources, presets, 2)?);
            for (concurrency, in_flight) in [(1, 2), (2, 1), (2, 2)] {
                let way = Way {
                    format: "jpeg",
                    concurrency,
                    in_flight,
                };
                theirs = theirs.min(self.peer.turn(way, &self.paths)?.wall);
            }
        }
        println!("two threads: {ours:.0} ms for all sources to sharp's {theirs:.0}");
        verdict.at_most("wall of two threads", ours / theirs, WALL_BAR);
        Ok(())
    }

    /// A format that takes both sides much longer to encode than all else: some sources, and few turns.
    fn slow(
        &mut self,
        format: &'static str,
        (sources, turns): (&[usize], usize),
        bar: f64,
        verdict: &mut Verdict,
    ) -> Result<()> {
        let presets = presets(format)?;
        let mut pairs = Vec::new();
        for &index in sources {
            pairs.push(self.pair(format, index, &presets, turns)?);
        }
        let floor = median(pairs.iter().map(Pair::floor))?;
        println!("{format}: median of the floor {floor:.3} of sharp's CPU");
        let cpu = median(pairs.iter().map(Pair::cpu))?;
        verdict.at_most(&format!("{format} cpu"), cpu, bar);
        Ok(())
    }
}
