//! Who is called next.

use std::sync::Arc;
use std::time::Instant;

use domain::{Billed, Code, Scope};
use jiff::Timestamp;
use tracing::warn;

use super::{Active, Desk, Done, Tried};
use crate::attempt::{Grant, Task, failure};
use crate::books::{Books, Call};
use crate::gate::Passage;
use crate::line::{Decision, Room, Ticket};

impl Desk {
    /// Starts whatever there is room and money for.
    pub(super) fn grant(&mut self) {
        let (now, today) = (Instant::now(), Timestamp::now());
        loop {
            let passage = self.gate.passage(now);
            if passage == Passage::None || !self.buyer.lease.held() {
                return;
            }
            let ceiling = self.ceiling.current(now);
            let room = Room {
                free: ceiling.saturating_sub(self.taken()),
                ceiling,
                in_flight: self.active.images(),
            };
            let books = &mut self.books;
            let may_pay = |ticket: &Ticket| may_pay(books, ticket, today);
            let Decision::Grant(ticket) = self.line.next(&room, may_pay) else {
                return;
            };
            let is_probe = passage == Passage::Probe;
            if is_probe {
                self.gate.probe();
            }
            self.start(ticket, is_probe, today);
            self.act_on_books();
        }
    }

    fn start(&mut self, ticket: Ticket, is_probe: bool, now: Timestamp) {
        let id = ticket.id;
        let tried = self.tried.entry(id).or_default();
        tried.attempts += 1;
        let tried = *tried;
        let call = Call {
            id,
            attempt: tried.attempts,
        };
        let reserved = self
            .books
            .reserve(call, &scopes(&ticket), ticket.reserved, now);
        if let Err(exhausted) = reserved {
            // It was asked a moment ago, and nothing has happened since.
            warn!(generation = %id, %exhausted, "granted without money");
            return self.line.put_back(ticket);
        }
        let fence = self.buyer.lease.fence;
        let token: Arc<str> = format!("{fence}-{}", uuid::Uuid::new_v4().simple()).into();
        let grant = Grant {
            beginning: self.at_hand.remove(&id),
            duplicate_of: self.repeated.remove(&id),
            ..grant(&ticket, tried.attempts, tried, Arc::clone(&token))
        };
        self.activate(ticket, call, token, is_probe, grant, Task::Buy);
    }

    /// Runs `task`, whose places are taken until it ends.
    pub(in crate::dispatch) fn activate(
        &mut self,
        ticket: Ticket,
        call: Call,
        token: Arc<str>,
        is_probe: bool,
        grant: Grant,
        task: Task,
    ) {
        let id = ticket.id;
        let contact = Arc::clone(&grant.contact);
        let active = Active {
            ticket,
            call,
            token,
            contact,
            is_probe,
            named: None,
        };
        self.active.insert(active);
        let buyer = self.buyer.clone();
        self.spawn(id, async move {
            let end = buyer.run(grant, task).await;
            Done::Attempt(id, end)
        });
    }

    /// Ends what was not bought.
    pub(in crate::dispatch) fn start_end(
        &mut self,
        ticket: Ticket,
        code: Code,
        message: impl Into<String>,
    ) {
        let id = ticket.id;
        // Whoever takes over has to know of it until its end is written.
        let tried = *self.tried.entry(id).or_default();
        let grant = Grant {
            beginning: self.at_hand.remove(&id),
            ..grant(&ticket, tried.attempts, tried, Arc::from(""))
        };
        let (buyer, task) = (
            self.buyer.clone(),
            Task::End(failure(code, message, Billed::No)),
        );
        self.spawn(id, async move {
            let end = buyer.run(grant, task).await;
            Done::Attempt(id, end)
        });
    }
}

pub(in crate::dispatch) fn grant(
    ticket: &Ticket,
    number: u32,
    tried: Tried,
    token: Arc<str>,
) -> Grant {
    Grant {
        id: ticket.id,
        last: ticket.sequence,
        number,
        failures: tried.failures,
        doubted: tried.doubted,
        token,
        contact: Arc::default(),
        beginning: None,
        duplicate_of: None,
        is_late: false,
        first_index: 0,
    }
}

fn may_pay(books: &mut Books, ticket: &Ticket, now: Timestamp) -> bool {
    books
        .may_reserve(ticket.id, &scopes(ticket), ticket.reserved, now)
        .is_ok()
}

/// Whose budgets pay for it.
pub(in crate::dispatch) fn scopes(ticket: &Ticket) -> Vec<Scope> {
    ticket.payer.scopes().collect()
}
