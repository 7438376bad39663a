//! The hostile corpus, four files at a time in a process of its own, whose memory the kernel measures.
#![cfg(target_os = "linux")]

mod corpus;
mod samples;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, ensure};
use corpus::{Case, Fate};
use imaging::{
    Limits, Preset, Presets, Provenance, cut, decode, decode_memory, describe, verify_whole,
    with_provenance,
};

const MIB: u64 = 1 << 20;
const CONCURRENCY: usize = 4;
/// What four at a time may add to the process.
const MOST_GROWTH: u64 = 512 * MIB;
/// What the decoders may hold of it at once; the rest is for cuts and encoders.
const DECODING: u64 = 400 * MIB;
/// CPU seconds that any file may take, on a slow machine and with the development profile.
const MOST_CPU: f64 = 10.0;
/// Set for the child: the test then works and reports instead of starting one.
const CHILD: &str = "IMAGING_TEST_CHILD";

/// Bytes that are free to be taken; whoever wants more waits.
struct Permits(Mutex<u64>, Condvar);

impl Permits {
    fn with<T>(&self, bytes: u64, work: impl FnOnce() -> T) -> T {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .1
            .wait_while(free, |free| *free < bytes)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= bytes;
        drop(free);
        let result = work();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += bytes;
        self.1.notify_all();
        result
    }
}

fn peak() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// CPU seconds of this thread so far; the first number of its statistics, in nanoseconds.
fn cpu() -> Result<f64> {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = statistics.split(' ').next().context("no number")?;
    Ok(nanoseconds.parse::<f64>()? / 1e9)
}

/// Does to one file what the services do: one looks whether it is whole, one describes and cuts it,
/// and one marks it for a download. It must meet its fate.
fn meet(case: &Case, permits: &Permits, preset: &Preset, provenance: &Provenance) -> Result<()> {
    let limits = Limits::default();
    let start = cpu()?;
    let whole = verify_whole(&case.bytes);
    let marked = with_provenance(&case.bytes, provenance);
    ensure!(marked.is_err() || whole.is_ok(), "{}: {whole:?}", case.name);
    drop(marked);
    let outcome = decode_memory(&case.bytes, &limits).and_then(|bytes| {
        permits.with(bytes, || {
            decode(&case.bytes, &limits).and_then(|picture| {
                let _traits = describe(&picture);
                cut(&picture, preset, provenance)
            })
        })
    });
    let seconds = cpu()? - start;
    ensure!(seconds < MOST_CPU, "{}: {seconds} s of CPU", case.name);
    let (fate, why) = match outcome {
        Ok(_) => (Fate::Decoded, String::new()),
        Err(err) => (Fate::Refused, err.to_string()),
    };
    ensure!(fate == case.fate, "{}: {fate:?} {why}", case.name);
    Ok(())
}

/// One of each format, with every way to lay out a picture and to aim.
fn presets() -> Result<[Preset; 4]> {
    let custom = |words: &str| samples::custom(&words.replace(' ', "\n"));
    Ok([
        custom("width=1200 height=630 fit=\"cover\" format=\"jpeg\" gravity=\"text-safe\"")?,
        custom("width=1500 height=500 fit=\"extend\" format=\"webp\" max_bytes=20000")?,
        custom("width=400 height=400 fit=\"contain\" format=\"png\"")?,
        custom("width=256 height=144 fit=\"cover\" format=\"avif\" gravity=\"attention\"")?,
    ])
}

/// The child: every file twice, in another order on each of the four threads.
fn work() -> Result<()> {
    let cases = corpus::all()?;
    let presets = presets()?;
    let provenance = samples::provenance()?;
    let permits = Permits(Mutex::new(DECODING), Condvar::new());
    // 5 resets the peak to what is resident now (proc_pid_clear_refs(5)).
    fs::write("/proc/self/clear_refs", "5")?;
    let before = peak()?;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..CONCURRENCY)
            .map(|worker| {
                let (cases, permits, presets, provenance) =
                    (&cases, &permits, &presets, &provenance);
                scope.spawn(move || {
                    (0..2 * cases.len()).try_for_each(|at| {
                        let case = &cases[(at * (2 * worker + 1)) % cases.len()];
                        let preset = &presets[at % presets.len()];
                        meet(case, permits, preset, provenance)
                    })
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .map_err(|_| anyhow::anyhow!("a decoder panicked"))?
        })
    })?;
    println!("growth {}", peak()?.saturating_sub(before));
    Ok(())
}

#[test]
fn four_at_a_time_stay_within_512_mib() -> Result<()> {
    if std::env::var_os(CHILD).is_some() {
        return work();
    }
    let output = Command::new(std::env::current_exe()?)
        .args([
            "--exact",
            "four_at_a_time_stay_within_512_mib",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let growth: u64 = text
        .lines()
        .find_map(|line| line.split_once("growth ")?.1.parse().ok())
        .context("the child has not told its growth")?;
    println!("{} MiB more for the hostile corpus", growth / MIB);
    ensure!(growth > MIB && growth <= MOST_GROWTH, "{growth} bytes more");
    Ok(())
}

#[test]
fn there_are_more_than_40_kinds_and_each_is_small() -> Result<()> {
    let cases = corpus::all()?;
    let names: BTreeSet<_> = cases.iter().map(|case| case.name).collect();

    assert!(names.len() == cases.len() && cases.len() >= 40);
    assert!(cases.iter().all(|case| case.bytes.len() <= 4 << 20));
    Ok(())
}

#[test]
fn what_decodes_is_whole_and_gives_every_preset() -> Result<()> {
    let provenance = samples::provenance()?;
    for case in corpus::all()? {
        let whole = verify_whole(&case.bytes);
        if case.fate == Fate::Decoded {
            assert!(whole.is_ok(), "{}: {whole:?}", case.name);
            let picture = decode(&case.bytes, &Limits::default())?;
            for preset in Presets::builtin().iter() {
                cut(&picture, preset, &provenance)?;
            }
        }
    }
    Ok(())
}
