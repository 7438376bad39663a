//! A few lines that say where everything is and what to try.

use std::time::Duration;

use runtime::Life;
use tokio::time;

use super::plan::Plan;

/// Waits until all services are ready, and says so. Returns when that is done or life ends.
pub(crate) async fn when_ready(plan: &Plan, life: &Life) {
    while !life.health.is_ready() {
        tokio::select! {
            () = time::sleep(Duration::from_millis(50)) => {}
            () = life.shutdown.cancelled() => return,
        }
    }
    eprintln!("{}", text(plan));
}

fn text(plan: &Plan) -> String {
    let gateway = format!("http://{}", plan.listen);
    let provider = match plan.simulated {
        true => format!(
            "simulated at http://{} (set IDEOGRAM_API_KEY for the real one)",
            plan.sim_listen[0]
        ),
        false => "Ideogram; every image costs money".to_owned(),
    };
    let nats = plan
        .nats_listen
        .map_or_else(|| "yours".to_owned(), |listen| format!("nats://{listen}"));
    format!(
        "\n\
         Darkroom is up.\n  \
           HTTP      {gateway}\n  \
           NATS      {nats}\n  \
           provider  {provider}\n  \
           data      {data}\n\
         Try:\n  \
           curl -X POST {gateway}/v1/generations -H 'Prefer: wait=30' -d '{{\"prompt\":\"a red kite over dunes\"}}'\n  \
           nats pub generation.requested '{{\"prompt\":\"a red kite over dunes\"}}'\n\
         Ctrl-C stops it; started again, it goes on where it was.\n",
        data = plan.data_dir.display(),
    )
}
