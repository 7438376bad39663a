//! What it costs to see one generation through: the whole way with tiny pictures and a provider that
//! answers at once, so that nothing is left but deciding, writing down and handing on. Everything is
//! on disk before and after the call.
//!
//! The design that this project began with does the same work in turns with us, if the machine has
//! node, npm and redis-server.

mod seed;
mod system;

use std::process::ExitCode;

use seed::Tools;
use system::figures::Figures;
use system::{Scenario, measure};

/// Bars: CPU ms for each job, and MB of resident memory in all.
///
/// The former is a quarter of what the seed's design took on the machine that it was set on. A slower
/// machine slows down both, so that [`RATIO`] is the same bar there: one of the two is enough.
const MS: f64 = 2.4;
const MEMORY_MB: f64 = 110.0;
/// Our CPU time for each job as a share of the seed's in the same turn; the median of the turns.
const RATIO: f64 = 0.25;

/// Odd, for the median.
const TURNS: usize = 3;

const ORCHESTRATION: Scenario = Scenario {
    name: "tiny pictures, 1,000 places",
    picture: "tiny",
    jobs: 2_000,
    warm_up: 100,
    limit: 1_000,
    presets: "[]",
};
/// Longer than ours: in its first thousand jobs node compiles what it runs, which doubles the cost of
/// each, and a worker that runs for days has that behind it.
const SEED_WARM_UP: usize = 1_500;
const SEED_JOBS: usize = 1_500;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    runtime::install_tls();
    let (mut ours, mut ratios) = (Vec::new(), Vec::new());
    match Tools::ready() {
        Ok(tools) => {
            for _ in 0..TURNS {
                let we = measure(&ORCHESTRATION).await?;
                let they = seed::measure(&tools, SEED_WARM_UP, SEED_JOBS).await?;
                let ratio = we.total_ms() / they.total_ms();
                println!("  {ratio:>8.2} of the seed's CPU");
                ratios.push(ratio);
                ours.push(we);
            }
        }
        Err(err) => {
            println!("the seed's design is not measured: {err:#}");
            ours.push(measure(&ORCHESTRATION).await?);
        }
    }
    Ok(verdict(&ours, ratios))
}

fn verdict(ours: &[Figures], ratios: Vec<f64>) -> ExitCode {
    let ms = median(ours.iter().map(Figures::total_ms).collect());
    let memory = ours.iter().map(Figures::total_mb).fold(0.0, f64::max);
    let ratio = (!ratios.is_empty()).then(|| median(ratios));

    let cpu = ms <= MS || ratio.is_some_and(|ratio| ratio <= RATIO);
    let holds = cpu && memory <= MEMORY_MB;
    let said = |holds| if holds { "holds" } else { "MISSED" };
    let ratio = match ratio {
        Some(ratio) => format!(
            "{ratio:.2} of the seed's (at most {RATIO}: {})",
            said(ratio <= RATIO)
        ),
        None => "the seed's not measured".to_owned(),
    };
    println!(
        "bar {}: {ms:.2} ms CPU per job (at most {MS}: {}) or {ratio}; \
         {memory:.0} MB in all (at most {MEMORY_MB}: {})",
        said(holds),
        said(ms <= MS),
        said(memory <= MEMORY_MB),
    );
    match holds {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
