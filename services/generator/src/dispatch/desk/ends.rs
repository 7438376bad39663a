//! What follows from the end of an attempt.

use std::cmp::Reverse;
use std::time::Instant;

use domain::{BudgetNotice, Event, GenerationId, Hold, Parked, Usd};
use jiff::{SignedDuration, Timestamp};
use tracing::{error, warn};

use super::super::known::{Known, Stand};
use super::grants::{grant, scopes};
use super::{Active, Desk, Done, Tried, ticket};
use crate::attempt::{End, Task, Why};
use crate::books::{Call, Effect};

/// When to try again what failed for want of something of ours.
const LATER: SignedDuration = SignedDuration::from_secs(5);

impl Desk {
    pub(super) fn ended(&mut self, id: GenerationId, end: End) {
        let active = self.active.remove(&id);
        let is_probe = active.as_ref().is_some_and(|active| active.is_probe);
        let before = self.gate.hold();
        match (end, active) {
            (End::Rendered { cost }, active) => {
                self.gate.served(is_probe);
                self.settle(active, cost);
                // The provider is done with it.
                self.doubtful.remove(&id);
                self.over(id);
                self.repeats.finished(id);
            }
            (End::Failed { cost }, active) => {
                self.settle(active, cost);
                self.over(id);
                self.repeats.failed(id);
            }
            (
                End::Parked {
                    last,
                    failures,
                    until,
                    why,
                },
                Some(mut active),
            ) => {
                active.ticket.sequence = last;
                let tried = self.tried.entry(id).or_default();
                tried.failures = failures;
                match why {
                    // Its money stays in doubt; what becomes of it, whoever names it says.
                    Why::Doubtful => tried.doubted = Some(active.call.attempt),
                    _ => self.books.release(active.call),
                }
                if matches!(why, Why::Doubtful | Why::Unbilled) {
                    self.doubtful.remove(&id);
                }
                self.refused(&active, &why);
                self.lines_up_again(active, until);
            }
            (End::Unknown, Some(active)) => {
                self.books.doubt(active.call);
                let named = active.named.clone();
                self.doubts(id, active, Timestamp::now());
                if let Some(provider_id) = named {
                    self.takes_up(id, Task::Adopt { provider_id });
                }
            }
            // It waited to be tried again, and does so again.
            (End::Refuted(_), Some(active)) if self.is_tried_again(&active) => {
                self.line.put_back(active.ticket);
            }
            (End::Refuted(name), Some(active)) => {
                self.doubts(id, active, Timestamp::now());
                self.refuted(id, name);
            }
            // Somebody else wrote: places and money stay taken until we know what.
            (End::Changed | End::Parked { .. } | End::Unknown, active) => {
                if let Some(active) = active {
                    self.active.insert(active);
                }
                self.told_otherwise(id);
                self.look(id);
            }
            (End::Left, Some(active)) if self.buyer.lease.held() => {
                self.active.insert(active);
                self.look(id);
            }
            (End::Later, Some(active)) => {
                self.books.release(active.call);
                let until = Timestamp::now().saturating_add(LATER).ok();
                self.lines_up_again(active, until);
            }
            (End::Left | End::Later | End::Refuted(_), _) => {}
        }
        if is_probe {
            self.gate.probe_again();
        }
        self.gate_moved(before);
        self.act_on_books();
        self.notes.changed();
    }

    /// What was not called has nothing to settle.
    fn settle(&mut self, active: Option<Active>, cost: Usd) {
        if let Some(active) = active {
            self.books.settle(active.call, cost);
        }
    }

    /// Nothing more is bought for it. An attempt of which nobody knows whether it was billed counts
    /// as if it was from now on, and keeps its places until the provider must be done with it.
    fn over(&mut self, id: GenerationId) {
        let tried = self.tried.remove(&id).unwrap_or_default();
        if let Some(attempt) = tried.doubted {
            self.books.write_off(Call { id, attempt });
        }
        self.repeated.remove(&id);
        self.at_hand.remove(&id);
        if let Some(doubtful) = self.doubtful.remove(&id) {
            self.quarantined.extend(doubtful.quarantine());
        }
        self.told_the_end(id);
    }

    /// Whether it is an attempt in doubt of what waits to be tried again, or did.
    fn is_tried_again(&self, active: &Active) -> bool {
        let tried = self.tried.get(&active.call.id);
        tried.and_then(|tried| tried.doubted) == Some(active.call.attempt)
    }

    /// What the provider's refusal says of the account.
    fn refused(&mut self, active: &Active, why: &Why) {
        let now = Instant::now();
        let pauses = self.config.pauses;
        match why {
            Why::Hold(hold, asked) => {
                let usual = match hold {
                    Hold::Cooling => pauses.places,
                    _ => pauses.account,
                };
                self.gate.close(*hold, usual, *asked, now);
                if asked.is_some() {
                    // Whoever takes over leaves it alone as long.
                    self.notes.changed_much();
                }
            }
            Why::Unreachable => {
                self.gate.close(Hold::Unreachable, pauses.retry, None, now);
            }
            Why::Full(max) => {
                let others = self.taken();
                self.ceiling
                    .refused(others, active.ticket.images, *max, now);
                warn!(
                    limit = self.ceiling.limit(),
                    others, "the provider has no place left"
                );
                // Somebody else's images end sometime; asking at once would only be refused again.
                self.gate.fill(pauses.places, now);
            }
            Why::Stopped | Why::Doubtful | Why::Unbilled => {}
        }
    }

    fn lines_up_again(&mut self, active: Active, until: Option<Timestamp>) {
        let Active {
            ticket, is_probe, ..
        } = active;
        let until = match until {
            Some(until) => until,
            // Its refusal may be its own fault: the next probe is another one, so that none keeps
            // an account closed that would serve the others.
            None if is_probe => return self.line.push(ticket),
            None => return self.line.put_back(ticket),
        };
        let id = ticket.id;
        self.asleep.insert(id, (until, ticket));
        let parked = Parked {
            id,
            reason: String::new(),
            failures: 0,
            until: Some(until),
            in_doubt: false,
            doubted: None,
            at: Timestamp::now(),
        };
        let bus = self.bus.clone();
        self.spawn(id, async move {
            let (key, event) = (format!("{id}.pause"), Event::from(parked));
            let timer = bus.put_off(bus::Stage::Generate, &key, &event, until);
            if let Err(err) = timer.await {
                let error = &err as &dyn std::error::Error;
                warn!(error, "no timer; we count ourselves");
            }
            Done::Nothing
        });
    }

    /// What the ledger says of a generation that somebody else wrote about.
    pub(in crate::dispatch) fn found(&mut self, id: GenerationId, known: Known) {
        if !self.buyer.lease.held() {
            return;
        }
        let active = self.active.remove(&id);
        // What is being tried anew is not looked at through what came before.
        if active.is_none() && (self.line.get(&id).is_some() || self.asleep.contains_key(&id)) {
            return;
        }
        if let Some(deadline) = known.facts.deadline {
            self.deadlines.push(Reverse((deadline, id)));
        }
        let ticket = ticket(id, &known.facts, known.sequence);
        let call = Call {
            id,
            attempt: known.attempt,
        };
        let is_another =
            |active: &Active| active.call != call && known.doubted != Some(active.call.attempt);
        if let Some(active) = active.filter(is_another) {
            // What we were about to begin was not written.
            self.books.release(active.call);
        }
        let tried = Tried {
            attempts: known.attempts,
            failures: known.failures,
            doubted: known.doubted,
        };
        self.tried.insert(id, tried);
        let token = known.token.clone().unwrap_or_else(|| "".into());
        let grant = grant(&ticket, known.attempt, tried, token.clone());
        if let Stand::Called { since } | Stand::Submitted { since, .. } | Stand::Unknown { since } =
            &known.stand
        {
            let (scopes, reserved) = (scopes(&ticket), known.facts.reserved);
            self.books.record(call, &scopes, reserved, *since);
        }
        match known.stand {
            Stand::Open { until } => {
                if known.doubted != Some(call.attempt) {
                    self.books.release(call);
                }
                self.doubtful.remove(&id);
                match until.filter(|until| *until > Timestamp::now()) {
                    Some(until) => {
                        self.asleep.insert(id, (until, ticket));
                    }
                    None => self.line.put_back(ticket),
                }
            }
            Stand::Called { .. } => {
                let reason = "whoever called the provider left no word of what came of it";
                self.activate(ticket, call, token, false, grant, Task::Doubt(reason));
            }
            Stand::Submitted { provider_id, since } => {
                self.doubtful.remove(&id);
                let task = Task::Follow { provider_id, since };
                self.activate(ticket, call, token, false, grant, task);
            }
            Stand::Unknown { since } => {
                self.books.doubt(call);
                let active = Active {
                    ticket,
                    call,
                    token,
                    contact: grant.contact,
                    is_probe: false,
                    named: None,
                };
                self.doubts(id, active, since);
            }
            Stand::Over { cost } => {
                self.books.settle(call, cost.unwrap_or(ticket.reserved));
                if cost.is_some() {
                    // The provider is done with it.
                    self.doubtful.remove(&id);
                }
                self.over(id);
            }
        }
    }

    /// Tells what the books make of the last change, and lets those go on who can pay again.
    pub(in crate::dispatch) fn act_on_books(&mut self) {
        for effect in self.books.take_effects() {
            let at = Timestamp::now();
            // Whoever takes over does not tell it again.
            self.notes.changed_much();
            match effect {
                Effect::Warning {
                    scope,
                    window,
                    limit,
                    used,
                } => self.tell(Event::BudgetWarning(BudgetNotice {
                    scope,
                    window: window.to_string(),
                    limit,
                    used,
                    at,
                })),
                Effect::Exhausted(exhausted) => {
                    warn!(%exhausted, "parked");
                    self.tell(Event::BudgetExhausted(BudgetNotice {
                        scope: exhausted.scope,
                        window: exhausted.window.to_string(),
                        limit: exhausted.limit,
                        used: exhausted.used,
                        at,
                    }));
                }
                Effect::Resumed { scope } => self.line.recall(&scope),
                Effect::Overrun {
                    call,
                    reserved,
                    cost,
                } => {
                    error!(generation = %call.id, %reserved, %cost, "it cost more than was reserved");
                }
            }
        }
    }
}
