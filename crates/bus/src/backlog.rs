//! What a stage has not settled, as the server tells it: true also when no worker of it lives.

use serde_json::json;

use crate::incoming::{Inbound, Raw};
use crate::stage::{EVENTS, WORK};
use crate::{Bus, Error, Source, Stage};

/// Messages read in one go.
const PAGE: usize = 256;
/// How many more come after a message of a batched direct get (ADR-31).
const PENDING: &str = "Nats-Num-Pending";

/// Where work waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// Nobody has taken it, or its first handling is not over.
    InLine,
    /// It was put off, or is being handled again.
    PutOff,
}

/// How much a stage has not settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Events that nobody has taken, or whose first handling is not over.
    pub in_line: u64,
    /// What was put off.
    pub put_off: u64,
    /// Grows by one with everything that is settled for good, from any number on.
    pub settled: u64,
}

impl Bus {
    /// Looks at what `stage` has not settled: the oldest `most` of its events, and as many of what
    /// it has put off. Of the former some may just have been settled: younger ones than the oldest
    /// that is not. What cannot be read is counted and not shown.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub async fn backlog<In: Inbound>(
        &self,
        stage: Stage,
        most: usize,
        mut each: impl FnMut(Waits, In),
    ) -> Result<Backlog, Error> {
        let failed = |source| Error::Read {
            what: format!("the backlog of {}", stage.name()),
            source,
        };
        let mut show = |waits, raw: &Raw| {
            if let Ok(input) = In::read(raw) {
                each(waits, input);
            }
        };
        let mut backlog = Backlog::default();
        for feed in stage.feeds().iter().filter(|feed| feed.stream == EVENTS) {
            let stream = self.jetstream.get_stream_no_info(EVENTS).await;
            let stream = stream.map_err(|err| failed(err.into()))?;
            let info = stream.consumer_info(feed.consumer).await;
            let info = info.map_err(|err| failed(err.into()))?;
            let begun = info.num_ack_pending as u64;
            backlog.in_line += info.num_pending + begun;
            backlog.settled += info.delivered.consumer_sequence.saturating_sub(begun);
            if info.num_pending + begun == 0 {
                continue;
            }
            for filter in feed.filters {
                let from = info.ack_floor.stream_sequence + 1;
                let shown = self.page_on(EVENTS, filter, from, most, |raw| {
                    show(Waits::InLine, raw);
                });
                shown.await.map_err(failed)?;
            }
        }
        let filter = format!("*.{}.>", stage.name());
        let shown = self.page_on(WORK, &filter, 1, most, |raw| show(Waits::PutOff, raw));
        backlog.put_off = shown.await.map_err(failed)?;
        backlog.settled = backlog.settled.saturating_sub(backlog.put_off);
        Ok(backlog)
    }

    /// Shows the first `most` messages of `stream` on `filter` from the sequence `from` on, and
    /// returns how many there are.
    async fn page_on(
        &self,
        stream: &str,
        filter: &str,
        mut from: u64,
        most: usize,
        mut show: impl FnMut(&Raw),
    ) -> Result<u64, Source> {
        let mut shown = 0;
        loop {
            let batch = PAGE.min(most.max(1) - shown);
            let request = json!({ "seq": from, "next_by_subj": filter, "batch": batch });
            let page = self.fetch(stream, request).await?;
            page.iter().for_each(&mut show);
            shown += page.len();
            let Some(last) = page.last() else {
                return Ok(shown as u64);
            };
            let more = last.header(PENDING).and_then(|more| more.parse().ok());
            let more: u64 = more.unwrap_or(0);
            if more == 0 || shown >= most {
                return Ok(shown as u64 + more);
            }
            from = last.sequence + 1;
        }
    }
}
