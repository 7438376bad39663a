//! What is told, and how it ends.

use std::process::ExitCode;
use std::time::Instant;

use e2e::Audit;

use crate::Settings;

/// What came of one experiment.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) kills: usize,
    pub(crate) audit: Audit,
}

/// Tells at once, on standard error, and adds up.
#[derive(Debug)]
pub(crate) struct Report {
    started: Instant,
    kills: usize,
    failures: usize,
    sum: Audit,
}

impl Report {
    pub(crate) fn begin(settings: Settings) -> Self {
        eprintln!(
            "chaos: {} kills a point, {} at once; {} random jobs, CHAOS_SEED={}",
            settings.kills, settings.at_once, settings.jobs, settings.seed
        );
        Self {
            started: Instant::now(),
            kills: 0,
            failures: 0,
            sum: Audit::default(),
        }
    }

    pub(crate) fn line(&mut self, name: &str, outcome: anyhow::Result<Outcome>) {
        let Outcome { kills, audit } = match outcome {
            Ok(outcome) => outcome,
            Err(err) => {
                self.failures += 1;
                return eprintln!("{name:<28} not finished: {err:#}");
            }
        };
        eprintln!("{name:<28} {kills:>3} kills, {audit}");
        for violation in &audit.violations {
            eprintln!("    {violation}");
        }
        self.kills += kills;
        self.sum.add(audit);
    }

    pub(crate) fn end(self) -> ExitCode {
        let seconds = self.started.elapsed().as_secs();
        let (kills, failures) = (self.kills, self.failures);
        eprintln!(
            "all: {kills} kills in {seconds} s, {}, {failures} not finished",
            self.sum
        );
        if failures == 0 && self.sum.violations.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
