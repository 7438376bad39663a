//! What one generation costs us, end to end.
//!
//! Real pictures: 1024x1024 PNGs of 1 to 2 MB and three presets. Tiny ones: 64x64 and no presets, so
//! that what is left is the orchestration.

mod system;

use std::process::ExitCode;

use system::{Scenario, measure, place};

/// Bars: CPU ms for each job, and MB of resident memory in all.
const REAL_MS: f64 = 120.0;
const TINY_MS: f64 = 4.0;
const MEMORY_MB: f64 = 150.0;

const REAL: Scenario = Scenario {
    name: "real pictures, three presets",
    picture: "full",
    jobs: 200,
    warm_up: 10,
    limit: 64,
    presets: r#"["og-image","instagram","twitter-header"]"#,
};
const TINY: Scenario = Scenario {
    name: "tiny pictures",
    picture: "tiny",
    jobs: 2_000,
    warm_up: 100,
    limit: 64,
    presets: "[]",
};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    runtime::install_tls();
    let root = place::root()?;
    let real = measure(&REAL, root.path()).await?;
    let tiny = measure(&TINY, root.path()).await?;
    let memory = real.total_mb().max(tiny.total_mb());
    let holds = real.total_ms() <= REAL_MS && tiny.total_ms() <= TINY_MS && memory <= MEMORY_MB;
    println!(
        "bar {}: {:.1} ms CPU per job with real pictures (at most {REAL_MS}), {:.2} ms with tiny ones \
         (at most {TINY_MS}), {memory:.0} MB in all (at most {MEMORY_MB})",
        if holds { "holds" } else { "MISSED" },
        real.total_ms(),
        tiny.total_ms(),
    );
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
