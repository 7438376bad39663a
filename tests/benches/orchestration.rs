//! What it costs to see one generation through: the whole way with tiny pictures and a provider that
//! answers at once, so that nothing is left but deciding, writing down and handing on. Everything is
//! on disk before and after the call.

mod system;

use std::process::ExitCode;

use system::{Scenario, measure};

/// Bars: CPU ms for each job, and MB of resident memory in all.
const MS: f64 = 2.4;
const MEMORY_MB: f64 = 110.0;

const ORCHESTRATION: Scenario = Scenario {
    name: "tiny pictures, 1,000 places",
    picture: "tiny",
    jobs: 2_000,
    warm_up: 100,
    limit: 1_000,
    presets: "[]",
};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    runtime::install_tls();
    let figures = measure(&ORCHESTRATION).await?;
    let (ms, memory) = (figures.total_ms(), figures.total_mb());
    let holds = ms <= MS && memory <= MEMORY_MB;
    println!(
        "bar {}: {ms:.2} ms CPU per job (at most {MS}), {memory:.0} MB in all (at most {MEMORY_MB})",
        if holds { "holds" } else { "MISSED" },
    );
    Ok(match holds {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
