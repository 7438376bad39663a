//! Telling of what belongs to no generation: the account's holds and its budgets.

use std::time::Duration;

use bus::{Bus, Expect};
use domain::Event;
use tokio::sync::mpsc;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// The pause before a log is tried again that does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Publishes what is sent to it until `end`: one after the other, as often as it takes. Who reads
/// that an account was parked and that it goes on has to read it in that order.
pub(super) fn publisher(bus: Bus, end: CancellationToken) -> mpsc::UnboundedSender<Event> {
    let (sender, mut notices) = mpsc::unbounded_channel::<Event>();
    tokio::spawn(end.run_until_cancelled_owned(async move {
        while let Some(event) = notices.recv().await {
            while let Err(err) = bus.publish(&event, &Expect::Nothing).await {
                warn!(
                    event = event.name(),
                    error = &err as &dyn std::error::Error,
                    "not told yet"
                );
                time::sleep(PAUSE).await;
            }
        }
    }));
    sender
}
