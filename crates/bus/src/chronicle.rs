//! What is written from EVENTS, in its order. Whoever writes keeps his place in the same transaction
//! as what he writes, so nothing is acknowledged, and no acknowledgement can settle what was never
//! written.

use jiff::Timestamp;

use crate::{Entry, Source};

/// A place in EVENTS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The sequence of the entry there.
    pub sequence: u64,
    /// When the server stored it. It tells EVENTS from another that was made in its place, and
    /// counts from one again.
    pub stored_at: Timestamp,
}

/// What is written, from EVENTS and in its order.
pub trait Chronicle: Send + Sync + 'static {
    /// How far it has come; none if it begins, or cannot say.
    ///
    /// # Errors
    ///
    /// Whatever went wrong; it is asked again, as with everything here.
    fn position(&self) -> impl Future<Output = Result<Option<Position>, Source>> + Send;

    /// Forgets its position, since EVENTS comes from the first entry on. What is written stays.
    ///
    /// # Errors
    ///
    /// Whatever went wrong.
    fn rewind(&self) -> impl Future<Output = Result<(), Source>> + Send;

    /// Writes down `entries`, and that it has come to `position`: all or none. There may be no
    /// entries, or some that it has already.
    ///
    /// # Errors
    ///
    /// Whatever went wrong; the same is handed in again until it succeeds.
    fn write(
        &self,
        entries: &[Entry],
        position: Position,
    ) -> impl Future<Output = Result<(), Source>> + Send;

    /// Hears every few seconds how many entries of EVENTS it does not have yet.
    fn lag(&self, entries: u64);
}
