//! What processes cost, as the kernel counts it.

use std::fmt;
use std::time::Instant;

use anyhow::Context;

/// What a number of jobs cost, process by process.
pub(crate) struct Figures {
    jobs_per_second: f64,
    shares: Vec<Share>,
}

struct Share {
    name: &'static str,
    /// CPU time for each job.
    ms: f64,
    /// Peak resident memory.
    mb: f64,
}

impl Figures {
    /// CPU time for each job, of all processes.
    pub(crate) fn total_ms(&self) -> f64 {
        self.shares.iter().map(|share| share.ms).sum()
    }

    /// Peak resident memory of all processes, as if all had their peak at once.
    pub(crate) fn total_mb(&self) -> f64 {
        self.shares.iter().map(|share| share.mb).sum()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:>8.1} jobs/s", self.jobs_per_second)?;
        for Share { name, ms, mb } in &self.shares {
            writeln!(f, "  {ms:>8.2} ms CPU per job, {mb:>6.1} MB: {name}")?;
        }
        let (ms, mb) = (self.total_ms(), self.total_mb());
        write!(f, "  {ms:>8.2} ms CPU per job, {mb:>6.1} MB in all")
    }
}

/// Looks at processes before and after a number of jobs.
pub(crate) struct Meter {
    started: Instant,
    /// Name, id, and CPU time at the start.
    processes: Vec<(&'static str, u32, f64)>,
}

impl Meter {
    pub(crate) fn start(
        processes: impl IntoIterator<Item = (&'static str, u32)>,
    ) -> anyhow::Result<Self> {
        let processes = processes
            .into_iter()
            .map(|(name, pid)| Ok((name, pid, cpu_ms(pid)?)))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            started: Instant::now(),
            processes,
        })
    }

    pub(crate) fn stop(self, jobs: usize) -> anyhow::Result<Figures> {
        let seconds = self.started.elapsed().as_secs_f64();
        let jobs = jobs as f64;
        let share = |(name, pid, before)| {
            Ok(Share {
                name,
                ms: (cpu_ms(pid)? - before) / jobs,
                mb: peak_mb(pid)?,
            })
        };
        Ok(Figures {
            jobs_per_second: jobs / seconds,
            shares: self
                .processes
                .into_iter()
                .map(share)
                .collect::<anyhow::Result<_>>()?,
        })
    }
}

/// User and system time of a process so far (`proc_pid_stat(5)`, fields 14 and 15; 100 ticks a second).
fn cpu_ms(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok());
    let (user, system) = ticks(11)
        .zip(ticks(12))
        .context("/proc/…/stat has another form")?;
    Ok((user + system) * 10.0)
}

/// Peak resident memory of a process (`proc_pid_status(5)`, `VmHWM`).
fn peak_mb(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .context("no VmHWM")?;
    let kib = line
        .split_whitespace()
        .nth(1)
        .and_then(|text| text.parse::<f64>().ok());
    Ok(kib.context("VmHWM has another form")? / 1024.0)
}
