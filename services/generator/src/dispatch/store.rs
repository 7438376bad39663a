//! Whether what is bought can be stored. The uploaders say so in the gate; that none of them lives is
//! seen by what nobody fetches.

use std::time::Duration;

use bus::{Bus, Stage, Waits, Watched};
use domain::Rendered;
use futures::StreamExt;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{self, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{GATES, Inbox};

/// There while nothing can be stored.
const STORE: &str = "store";
/// How often is looked what nobody fetches.
const LOOK: Duration = Duration::from_secs(5);
/// How much of it is looked at, oldest first.
const MOST: usize = 64;
/// The urgency at which buying goes on, and at which it stops.
const GO: f64 = 0.5;
const STOP: f64 = 1.0;

/// What is known of the store; none until somebody has looked.
#[derive(Debug, Default)]
struct Known {
    /// Whether an uploader says that nothing can be stored. A word whose writer is gone stays until
    /// another uploader takes it back: as long as there is none, it is true.
    is_shut: Option<bool>,
    /// Whether pictures wait that nobody has begun to fetch in time.
    is_left: Option<bool>,
}

impl Known {
    /// Whether the store is closed; none if nobody can tell.
    fn is_closed(&self) -> Option<bool> {
        match (self.is_shut, self.is_left) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        }
    }
}

/// Whether the store is closed at this moment.
pub(super) async fn is_closed(bus: &Bus) -> Result<bool, bus::Error> {
    Ok(bus.setting(GATES, STORE).await?.is_some() || is_left(bus, STOP).await?)
}

/// Tells the desk whenever that changes.
pub(super) async fn watch(bus: &Bus, desk: mpsc::Sender<Inbox>, end: &CancellationToken) {
    let mut watched = match bus.watch_settings(GATES, STORE) {
        Ok(watched) => watched,
        Err(err) => {
            let err = &err as &dyn std::error::Error;
            return error!(error = err, "cannot watch the store");
        }
    };
    let mut tick = time::interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut known, mut told) = (Known::default(), None);
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            change = watched.next() => match change {
                Some(Watched::Setting(_)) => known.is_shut = Some(true),
                Some(Watched::Gone { .. }) => known.is_shut = Some(false),
                Some(Watched::ThatIsAll) => drop(known.is_shut.get_or_insert(false)),
                None => return,
            },
            _ = tick.tick() => {
                let urgency = if known.is_left == Some(true) { GO } else { STOP };
                match end.run_until_cancelled(is_left(bus, urgency)).await {
                    None => return,
                    Some(Ok(is_left)) => known.is_left = Some(is_left),
                    Some(Err(err)) => warn!(error = &err as &dyn std::error::Error, "cannot see what nobody fetches"),
                }
            }
        }
        let closed = known.is_closed();
        if closed == told {
            continue;
        }
        if let Some(closed) = closed
            && desk.send(Inbox::Store(closed)).await.is_err()
        {
            return;
        }
        told = closed.or(told);
    }
}

/// Whether something of such an urgency waits for somebody to begin with it.
async fn is_left(bus: &Bus, urgency: f64) -> Result<bool, bus::Error> {
    let (mut is_left, now) = (false, Timestamp::now());
    let look = |waits, rendered: Rendered| {
        is_left |= waits == Waits::InLine && rendered.urgency(now) >= urgency;
    };
    bus.backlog(Stage::Upload, MOST, look).await?;
    Ok(is_left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_open_only_if_both_say_so() {
        let cases = [
            (None, None, None),
            (Some(false), None, None),
            (None, Some(false), None),
            (Some(true), None, Some(true)),
            (None, Some(true), Some(true)),
            (Some(true), Some(false), Some(true)),
            (Some(false), Some(true), Some(true)),
            (Some(false), Some(false), Some(false)),
        ];
        for (is_shut, is_left, closed) in cases {
            let known = Known { is_shut, is_left };
            assert_eq!(known.is_closed(), closed, "{known:?}");
        }
    }
}
