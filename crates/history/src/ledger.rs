//! The calls of one generation, and what became of their money. No I/O.

use domain::{Billed, Calling, Code, Event, Failed, ImageId, Rendered, Unknown, Usd};
use jiff::Timestamp;
use prost::Message;

/// What the events of one generation say about money. Stored beside its document, which has no
/// place for calls.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Ledger {
    /// In the order in which they began, without those that were not billed and were repeated.
    #[prost(message, repeated, tag = "1")]
    pub(crate) calls: Vec<Call>,
    /// Pictures that turned up where none is delivered.
    #[prost(string, repeated, tag = "2")]
    pub(crate) recovered: Vec<String>,
    /// The generation has come to its end: what is drawn from now on is late.
    #[prost(bool, tag = "3")]
    pub(crate) over: bool,
    /// It failed because pictures were withheld: all that were not recovered.
    #[prost(bool, tag = "4")]
    pub(crate) rest_withheld: bool,
}

/// One call of the provider.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Call {
    /// From 0, and its name among the calls of its generation.
    #[prost(uint32, tag = "1")]
    pub(crate) number: u32,
    #[prost(uint32, tag = "2")]
    pub(crate) attempt: u32,
    /// When it began, in microseconds since 1970.
    #[prost(int64, tag = "3")]
    pub(crate) at: i64,
    /// How many pictures were asked for, then how many came.
    #[prost(uint32, tag = "4")]
    pub(crate) images: u32,
    #[prost(enumeration = "State", tag = "5")]
    pub(crate) state: i32,
    /// The most that it may cost, in micros.
    #[prost(int64, tag = "6")]
    pub(crate) reserved: i64,
    /// What it cost, in micros, once it is settled.
    #[prost(int64, tag = "7")]
    pub(crate) cost: i64,
    /// How many pictures the provider withheld, if its answer is known.
    #[prost(uint32, optional, tag = "8")]
    pub(crate) withheld: Option<u32>,
    /// It was drawn when nobody waited for it any more.
    #[prost(bool, tag = "9")]
    pub(crate) late: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum State {
    Open = 0,
    Unknown = 1,
    Settled = 2,
    /// It was not billed.
    Released = 3,
}

impl Ledger {
    /// Takes note of `event`, which must be news.
    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::Calling(event) => self.begin(event),
            Event::Unknown(event) => self.doubt(event),
            Event::Parked(event) if event.in_doubt => self.close(State::Unknown),
            Event::Parked(_) => self.acquit(),
            Event::Rendered(event) => self.render(event),
            Event::Completed(event) => self.complete(event.cost, event.at),
            Event::Failed(event) => self.fail(event),
            Event::ImageRecovered(event) => self.recover(event.image.id),
            _ => {}
        }
    }

    fn begin(&mut self, event: &Calling) {
        // The attempts before it were refused without being billed, or are in doubt.
        self.close(State::Released);
        self.calls.retain(|call| call.state() != State::Released);
        self.push(Call {
            attempt: event.attempt,
            at: event.at.as_microsecond(),
            images: event.images,
            reserved: event.reserved.micros(),
            ..Call::default()
        });
    }

    fn doubt(&mut self, event: &Unknown) {
        let reserved = event.reserved.micros();
        let call = self.attempt(event.attempt, event.at, reserved);
        if call.state() != State::Settled {
            call.reserved = reserved;
            call.set_state(State::Unknown);
        }
    }

    /// Nothing of it is open at the provider any more.
    fn close(&mut self, state: State) {
        for call in &mut self.calls {
            if call.state() == State::Open {
                call.set_state(state);
            }
        }
    }

    fn render(&mut self, event: &Rendered) {
        let late = self.over || self.is_settled();
        let call = self.attempt(event.attempt, event.at, event.cost.micros());
        if call.state() == State::Settled {
            return;
        }
        let withheld = event.images.iter().filter(|image| image.link.is_none());
        call.withheld = Some(count(withheld));
        call.images = count(event.images.iter());
        call.late = late;
        call.settle(event.cost);
    }

    /// The last call was not billed, also if that was in doubt until now.
    fn acquit(&mut self) {
        let open = [State::Open, State::Unknown];
        let last = self.calls.last_mut();
        if let Some(call) = last.filter(|call| open.contains(&call.state())) {
            call.set_state(State::Released);
        }
    }

    /// What was settled by the provider's own answer stays as it is.
    fn complete(&mut self, cost: Usd, at: Timestamp) {
        self.over = true;
        if self.is_settled() {
            return;
        }
        match self.calls.last_mut().map(|call| (call.state(), call)) {
            Some((State::Open, call)) => call.settle(cost),
            Some((State::Unknown, call)) if cost > Usd::ZERO => call.settle(cost),
            _ if cost > Usd::ZERO => self.attempt(0, at, cost.micros()).settle(cost),
            _ => {}
        }
    }

    fn fail(&mut self, event: &Failed) {
        if self.over {
            return;
        }
        self.over = true;
        self.rest_withheld = matches!(event.failure.code, Code::AllWithheld | Code::Withheld);
        if self.is_settled() {
            return;
        }
        let cost = event.cost;
        let open = [State::Open, State::Unknown];
        let mut earlier = self.calls.iter().rev().skip(1);
        let is_doubted = earlier.any(|call| call.state() == State::Unknown);
        let last = self
            .calls
            .last_mut()
            .filter(|call| open.contains(&call.state()));
        match (last, event.failure.billed) {
            // The doubt is that of an earlier call.
            (Some(call), Billed::Unknown) if is_doubted && call.state() == State::Open => {
                call.set_state(State::Released);
            }
            (Some(call), Billed::Unknown) => call.set_state(State::Unknown),
            (Some(call), Billed::No) if cost == Usd::ZERO => call.set_state(State::Released),
            (Some(call), _) => call.settle(cost),
            (None, Billed::Unknown) => {}
            (None, _) if cost == Usd::ZERO => {}
            (None, _) => self.attempt(0, event.at, cost.micros()).settle(cost),
        }
    }

    fn recover(&mut self, id: ImageId) {
        let id = id.to_string();
        if !self.recovered.contains(&id) {
            self.recovered.push(id);
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.calls.iter().any(|call| call.state() == State::Settled)
    }

    /// The call of that attempt. One whose beginning was not told began when it is first heard of.
    fn attempt(&mut self, attempt: u32, at: Timestamp, reserved: i64) -> &mut Call {
        let known = self.calls.iter().rposition(|call| call.attempt == attempt);
        let place = known.unwrap_or_else(|| {
            self.push(Call {
                attempt,
                at: at.as_microsecond(),
                reserved,
                ..Call::default()
            });
            self.calls.len() - 1
        });
        &mut self.calls[place]
    }

    fn push(&mut self, call: Call) {
        let number = self.calls.last().map_or(0, |last| last.number + 1);
        self.calls.push(Call { number, ..call });
    }
}

impl Call {
    pub(crate) fn settle(&mut self, cost: Usd) {
        self.cost = cost.max(Usd::ZERO).micros();
        self.set_state(State::Settled);
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
