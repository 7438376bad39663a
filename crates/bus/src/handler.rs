//! What a stage does: an event in, the next events out. I/O is its own; pulling, retrying, giving
//! up, publishing and acknowledging are not.

use async_nats::HeaderMap;
use domain::{Event, Failure};
use jiff::Timestamp;

use crate::Source;

/// One arrow of the system.
pub trait Handler<In>: Send + Sync + 'static {
    /// Makes of `input` what comes next. It may be called twice for one input, also after it
    /// succeeded, so doing it twice must do no harm.
    ///
    /// # Errors
    ///
    /// A fault says whether trying again makes sense.
    fn handle(
        &self,
        input: In,
        delivery: &Delivery,
    ) -> impl Future<Output = Result<Step, Fault>> + Send;

    /// Whether a message is none of its business, as far as can be told at a glance: it is then
    /// acknowledged without being read.
    fn ignores(&self, _message: &Glance<'_>) -> bool {
        false
    }

    /// Takes note that `event` is not told, because somebody else was first: what was done for it
    /// alone can be undone. The work is settled after that.
    ///
    /// # Errors
    ///
    /// It cannot be undone at the moment: the message is not acknowledged, and comes again.
    fn refused(&self, _event: &Event) -> impl Future<Output = Result<(), Source>> + Send {
        async { Ok(()) }
    }

    /// What to say of work that is given up, once its message is among the dead letters. Asked
    /// again if somebody else wrote into the ledger first.
    ///
    /// # Errors
    ///
    /// It cannot be said at the moment: the message is not acknowledged, and comes again.
    fn give_up(&self, lost: Lost<In>) -> impl Future<Output = Result<Vec<Emit>, Source>> + Send {
        drop(lost);
        async { Ok(Vec::new()) }
    }
}

/// The outside of a message.
#[derive(Debug, Clone, Copy)]
pub struct Glance<'a> {
    pub(crate) headers: Option<&'a HeaderMap>,
}

impl Glance<'_> {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers?.get(name)?;
        Some(value.as_str())
    }
}

/// What is known of a message besides what it says.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Which attempt this is, from 1. Waiting does not count.
    pub attempt: u32,
    /// Whether this very message was delivered before: somebody may have died in the middle of it.
    pub redelivered: bool,
    /// The sequence in EVENTS of the event that caused the work; 0 for a user's request.
    pub cause: u64,
    /// When the message was stored.
    pub stored_at: Timestamp,
}

/// How work went on.
#[derive(Debug)]
pub enum Step {
    /// It is done, and this is what happened.
    Emit(Vec<Emit>),
    /// It is to be done later.
    Wait(Wait),
}

impl Step {
    /// It is done, and there is nothing to say.
    #[must_use]
    pub const fn done() -> Self {
        Self::Emit(Vec::new())
    }

    /// It is done, and `event` happened.
    #[must_use]
    pub fn emit(event: impl Into<Event>, expect: Expect) -> Self {
        Self::Emit(vec![Emit::event(event, expect)])
    }
}

/// Work that is put off by a timer which survives us.
#[derive(Debug)]
pub struct Wait {
    /// Until when.
    pub until: Timestamp,
    /// Whether this was an attempt, of which there are only so many.
    pub counts: bool,
    /// What happened meanwhile.
    pub emit: Vec<Emit>,
}

/// Something to publish.
#[derive(Debug, Clone)]
pub enum Emit {
    /// An event, in EVENTS.
    Event {
        /// What happened.
        event: Box<Event>,
        /// On what condition.
        expect: Expect,
    },
    /// A work item for a stage, in WORK.
    Work {
        /// Who is to do it.
        stage: crate::Stage,
        /// The rest of its subject after the stage: lane and id, or id.
        key: String,
        /// What it is about.
        event: Box<Event>,
        /// The sequence in EVENTS of the event that caused it.
        cause: u64,
    },
}

impl Emit {
    /// `event`, if `expect` holds.
    #[must_use]
    pub fn event(event: impl Into<Event>, expect: Expect) -> Self {
        Self::Event {
            event: Box::new(event.into()),
            expect,
        }
    }
}

/// What must hold for an event to be stored; checked by the server, together with storing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Nothing,
    /// The last entry of the generation's ledger has this sequence; 0 if it must have none.
    LedgerAt(u64),
    /// The last event about the picture has this sequence; 0 if there must be none. If there is a
    /// later one, its work is done again from the start.
    PictureAt(u64),
    /// Nothing was ever stored on the event's own subject; if it was, that will do.
    First,
    /// Nothing was ever stored on subjects that match this filter; if it was, the event is not
    /// told.
    NoneOn(String),
}

/// Why work did not succeed.
#[derive(Debug)]
pub enum Fault {
    /// Trying again may help. Not before the given time, if there is one.
    Transient {
        /// What went wrong.
        source: Source,
        /// The earliest time that makes sense.
        not_before: Option<Timestamp>,
        /// What to say of it, if it was the last attempt.
        failure: Failure,
    },
    /// Trying again cannot help.
    Permanent(Failure),
}

impl Fault {
    /// Trying again may help; `failure` is what remains if it does not.
    pub fn transient(source: impl Into<Source>, failure: Failure) -> Self {
        Self::Transient {
            source: source.into(),
            not_before: None,
            failure,
        }
    }
}

/// Work that is given up.
#[derive(Debug, Clone)]
pub struct Lost<In> {
    /// The last token of its subject: an id, usually.
    pub key: String,
    /// What it was; none if it cannot be read, or if reading it may have killed its workers.
    pub input: Option<In>,
    /// The sequence in EVENTS of the event that caused it.
    pub cause: u64,
    /// Why it is given up.
    pub failure: Failure,
}
