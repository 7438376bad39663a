use std::env;
use std::fs;
use std::hint::black_box;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use imaging::Preset;

use crate::{inputs, ours};

/// With this as its argument, the bench is the process that is measured.
pub(crate) const ARGUMENT: &str = "--resident";
const IN_FLIGHT: usize = 4;
const SOURCES: usize = 1000;
/// What is resident is looked at after as many, and again after as many more.
const STEP: usize = 100;
const MB: f64 = 1e6;

/// Megabytes of a process that has cut [`SOURCES`] sources, [`IN_FLIGHT`] at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resident {
    /// The peak over what was there before, for each source in flight, its file included.
    pub(crate) each: f64,
    /// What the second half of the sources adds to what is resident. In the first, the allocator comes to
    /// know the sizes that it is asked for.
    pub(crate) growth: f64,
}

/// Measures a process of its own, which nothing else has bloated.
pub(crate) fn measured() -> Result<Resident> {
    let child = Command::new(env::current_exe()?).arg(ARGUMENT).output()?;
    ensure!(
        child.status.success(),
        "{}",
        String::from_utf8_lossy(&child.stderr)
    );
    print!("{}", String::from_utf8_lossy(&child.stderr));
    let said = String::from_utf8(child.stdout)?;
    let (each, growth) = said.trim().split_once(' ').context("no two numbers")?;
    Ok(Resident {
        each: each.parse()?,
        growth: growth.parse()?,
    })
}

/// What that process does.
pub(crate) fn run(presets: &[Preset]) -> Result<()> {
    let sources = inputs::all()?;
    // 5 resets the peak to what is resident now (proc_pid_clear_refs(5)).
    fs::write("/proc/self/clear_refs", "5")?;
    let before = status("VmRSS:")?;
    let mut resident = Vec::new();
    for _ in 0..SOURCES / STEP {
        cut_many(&sources, presets, STEP)?;
        resident.push((status("VmRSS:")? - before) / MB);
    }
    let peak = (status("VmHWM:")? - before) / MB;
    eprintln!("resident after each {STEP} sources, in MB: {resident:.1?}");
    let growth = resident[resident.len() - 1] - resident[resident.len() / 2 - 1];
    println!("{} {growth}", peak / IN_FLIGHT as f64);
    Ok(())
}

fn cut_many(sources: &[(String, Vec<u8>)], presets: &[Preset], count: usize) -> Result<()> {
    let next = AtomicUsize::new(0);
    let lane = || -> Result<()> {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return Ok(());
            }
            // A copy, as each comes from the store by itself.
            let source = sources[index % sources.len()].1.clone();
            black_box(ours::cuts(&source, presets)?);
        }
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..IN_FLIGHT).map(|_| scope.spawn(lane)).collect();
        lanes
            .into_iter()
            .try_for_each(|lane| lane.join().map_err(|_| anyhow!("a lane broke down"))?)
    })
}

/// A line of this process's status, in bytes.
fn status(name: &str) -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.context("no such line")?.trim().trim_end_matches(" kB");
    Ok(kib.parse::<f64>()? * 1024.0)
}
