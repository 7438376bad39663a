//! What people ask of the dispatcher: to buy something not after all, to stop, to say how it is
//! doing, to keep to a budget. What changes anything is on disk before it is answered.

use bus::{Answer, Entry, Refusal};
use bytes::Bytes;
use domain::{
    Accepted, Billed, Budget, Code, Event, Failed, GenerationId, Scope, Status, Tenant, Usd,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tracing::warn;
use wire::{ask as questions, v1};

use super::desk::{Desk, ticket};
use super::known::{Known, Stand};
use super::links::Links;
use super::{BOOKS, GATES, Inbox, store};
use crate::admit::{AtTheDoor, withdraw};
use crate::attempt::{Task, failure};
use crate::books::Report;
use crate::line::{LANES, Ticket};

/// The name that the dispatcher answers to.
pub(super) const SERVICE: &str = "generator";
pub(super) const ENDPOINTS: [&str; 8] = [
    "cancel", "discard", "pause", "resume", "status", "budget", "budgets", LINKS,
];
/// The question that is none to the desk: nothing is decided by its answer.
const LINKS: &str = "links";

/// A question and where its answer goes.
pub(super) struct Question {
    what: What,
    reply: oneshot::Sender<Answer>,
}

enum What {
    Cancel(Tenant, GenerationId),
    Discard(Tenant, GenerationId),
    Pause(String),
    Resume,
    Status,
    Budget(Scope, Option<Budget>),
    Budgets(Tenant),
}

/// Somebody waits for the end of something.
pub(super) struct Pending {
    receipt: v1::Receipt,
    reply: oneshot::Sender<Answer>,
}

/// A budget as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    per_day: Option<i64>,
    total: Option<i64>,
}

/// Puts a question to the desk, or to whoever answers it.
pub(super) async fn ask(
    desk: mpsc::Sender<Inbox>,
    links: &Links,
    endpoint: &'static str,
    body: Bytes,
) -> Answer {
    if endpoint == LINKS {
        return links.answer(&body).await;
    }
    let what = read(endpoint, &body).map_err(Refusal::bad)?;
    let (reply, answer) = oneshot::channel();
    let gone = || Refusal {
        status: 503,
        reason: "the dispatcher is changing hands; ask again".to_owned(),
    };
    let question = Inbox::Question(Question { what, reply });
    desk.send(question).await.map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}

fn read(endpoint: &str, body: &[u8]) -> Result<What, String> {
    let generation = || {
        let command: v1::GenerationCommand = message(body)?;
        Ok::<_, String>((value(&command.tenant)?, value(&command.id)?))
    };
    Ok(match endpoint {
        "cancel" => generation().map(|(tenant, id)| What::Cancel(tenant, id))?,
        "discard" => generation().map(|(tenant, id)| What::Discard(tenant, id))?,
        "pause" => match message::<v1::AccountCommand>(body)?.reason {
            long if long.chars().count() > REASON_CHARS => {
                return Err(format!("`reason`: at most {REASON_CHARS} characters"));
            }
            reason => What::Pause(reason),
        },
        "resume" => What::Resume,
        "budget" => {
            let command: v1::BudgetCommand = message(body)?;
            let limits = [command.per_day_usd_micros, command.total_usd_micros];
            let [per_day, total] = limits.map(|limit| limit.map(Usd::from_micros));
            let budget = match (per_day, total) {
                (None, None) => None,
                _ => Some(Budget::new(per_day, total).map_err(|err| err.to_string())?),
            };
            What::Budget(value(&command.scope)?, budget)
        }
        "budgets" => What::Budgets(value(&message::<v1::BudgetQuery>(body)?.tenant)?),
        _ => What::Status,
    })
}

fn message<M: questions::Message + Default>(body: &[u8]) -> Result<M, String> {
    questions::read(body).map_err(|err| err.to_string())
}

fn value<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|err: T::Err| err.to_string())
}

impl Desk {
    pub(super) async fn asked(&mut self, question: Question) {
        let Question { what, reply } = question;
        let answer = match what {
            What::Cancel(_, id) | What::Discard(_, id) => {
                let buyer = self.buyer.clone();
                let question = Question { what, reply };
                return self.spawn(id, async move {
                    let entries = buyer.read(id).await;
                    super::desk::Done::Read(question, entries)
                });
            }
            What::Pause(reason) => self.pause(Some(reason)).await,
            What::Resume => self.pause(None).await,
            What::Status => Ok(questions::write(&self.status())),
            What::Budget(scope, budget) => self.budget(scope, budget).await,
            What::Budgets(tenant) => Ok(questions::write(&self.budget_report(&tenant))),
        };
        // Whoever asked may have gone.
        reply.send(answer).ok();
    }

    /// Answers what needed a look into the ledger.
    pub(super) fn answer(&mut self, question: Question, entries: &[Entry]) {
        let Question { what, reply } = question;
        let (tenant, id, discard) = match what {
            What::Cancel(tenant, id) => (tenant, id, false),
            What::Discard(tenant, id) => (tenant, id, true),
            _ => return,
        };
        let beginning = entries.first().map(|entry| &entry.event);
        let accepted = match beginning {
            Some(Event::Accepted(accepted)) if accepted.job.tenant == tenant => accepted,
            // It ended at the door.
            Some(Event::Failed(failed)) if failed.tenant == tenant => {
                let receipt = ended(id, entries).ok_or_else(unknown);
                let answer = receipt.map(|receipt| questions::write(&receipt));
                reply.send(answer).ok();
                return;
            }
            None if !discard => return self.cancel_at_the_door(tenant, id, reply),
            _ => {
                reply.send(Err(unknown())).ok();
                return;
            }
        };
        if let Some(receipt) = ended(id, entries) {
            reply.send(Ok(questions::write(&receipt))).ok();
        } else if discard {
            self.discard(id, accepted, reply);
        } else {
            self.cancel(id, accepted, entries, reply);
        }
    }

    fn cancel(
        &mut self,
        id: GenerationId,
        accepted: &Accepted,
        entries: &[Entry],
        reply: oneshot::Sender<Answer>,
    ) {
        let unheard = self.unheard(id, entries);
        let tried = self.tried.get(&id).copied().unwrap_or_default();
        if let Some(ticket) = self.withdraw(&id).or(unheard) {
            let receipt = match tried.doubted {
                None => v1::Receipt {
                    id: id.to_string(),
                    status: Status::Failed.to_string(),
                    billed: Billed::No.to_string(),
                    released_usd_micros: accepted.reserved.micros(),
                    committed_usd_micros: 0,
                    message: "cancelled before anything was bought".to_owned(),
                },
                Some(_) => v1::Receipt {
                    id: id.to_string(),
                    status: Status::Failed.to_string(),
                    billed: Billed::Unknown.to_string(),
                    released_usd_micros: 0,
                    committed_usd_micros: accepted.reserved.micros(),
                    message: "cancelled before it was tried again; the answer to the first call \
                              was lost, and that may have been billed"
                        .to_owned(),
                },
            };
            self.pending.insert(id, Pending { receipt, reply });
            let message = "cancelled by the requester before anything was bought";
            return self.start_end(ticket, Code::Cancelled, message);
        }
        let (status, billed, message) = match self.doubtful.contains_key(&id) {
            true => (
                Status::Unknown,
                Billed::Unknown,
                "the call was sent and its answer was lost; it may have been billed. Discard it to \
                 end it, or retry it",
            ),
            false => (
                Status::Running,
                Billed::Unknown,
                "the provider is at work on it and bills what it finishes; it runs to its end, and \
                 its images are kept",
            ),
        };
        let receipt = v1::Receipt {
            id: id.to_string(),
            status: status.to_string(),
            billed: billed.to_string(),
            released_usd_micros: 0,
            committed_usd_micros: accepted.reserved.micros(),
            message: message.to_owned(),
        };
        reply.send(Ok(questions::write(&receipt))).ok();
    }

    /// Nothing is bought before it is let in, so this needs no decision of the desk's.
    fn cancel_at_the_door(
        &mut self,
        tenant: Tenant,
        id: GenerationId,
        reply: oneshot::Sender<Answer>,
    ) {
        let bus = self.bus.clone();
        self.spawn(id, async move {
            let answer = match withdraw(&bus, &tenant, id).await {
                Ok(AtTheDoor::Withdrawn) => Ok(questions::write(&v1::Receipt {
                    id: id.to_string(),
                    status: Status::Failed.to_string(),
                    billed: Billed::No.to_string(),
                    released_usd_micros: 0,
                    committed_usd_micros: 0,
                    message: "cancelled before it was let in; nothing was reserved or bought"
                        .to_owned(),
                })),
                Ok(AtTheDoor::Gone(entries)) if !entries.is_empty() => {
                    let what = What::Cancel(tenant, id);
                    return super::desk::Done::Read(Question { what, reply }, entries);
                }
                Ok(AtTheDoor::Nobody) => Err(unknown()),
                Ok(AtTheDoor::Gone(_)) => Err(refused(503, "it is just being let in; ask again")),
                Err(err) => {
                    warn!(generation = %id, error = &err as &dyn std::error::Error, "not cancelled");
                    Err(refused(503, "the door cannot be looked at; ask again"))
                }
            };
            reply.send(answer).ok();
            super::desk::Done::Nothing
        });
    }

    fn discard(&mut self, id: GenerationId, accepted: &Accepted, reply: oneshot::Sender<Answer>) {
        if !self.doubtful.contains_key(&id) {
            let reason = "only a generation whose outcome is unknown can be discarded";
            reply.send(Err(refused(409, reason))).ok();
            return;
        }
        if self.active.get(&id).is_some() {
            let reason = "it is being found out about at this moment; ask again";
            reply.send(Err(refused(409, reason))).ok();
            return;
        }
        let receipt = v1::Receipt {
            id: id.to_string(),
            status: Status::Failed.to_string(),
            billed: Billed::Unknown.to_string(),
            released_usd_micros: 0,
            committed_usd_micros: accepted.reserved.micros(),
            message: "ended; if it was billed, its images are kept when they turn up".to_owned(),
        };
        self.pending.insert(id, Pending { receipt, reply });
        let message = "given up by an operator; it may have been billed";
        let failure = failure(Code::Discarded, message, Billed::Unknown);
        self.takes_up(id, Task::End(failure));
    }

    /// What was let in, and has not reached us yet.
    fn unheard(&self, id: GenerationId, entries: &[Entry]) -> Option<Ticket> {
        if self.active.get(&id).is_some() || self.doubtful.contains_key(&id) {
            return None;
        }
        let known = Known::of(entries)?;
        matches!(known.stand, Stand::Open { .. }).then(|| ticket(id, &known.facts, known.sequence))
    }

    /// Tells those who waited for an end that it is not the one they were to be promised.
    pub(super) fn told_otherwise(&mut self, id: GenerationId) {
        if let Some(Pending { reply, .. }) = self.pending.remove(&id) {
            let reason = "it has gone on meanwhile; ask again";
            reply.send(Err(refused(409, reason))).ok();
        }
    }

    /// Answers those who waited for the end of a generation.
    pub(super) fn told_the_end(&mut self, id: GenerationId) {
        if let Some(Pending { receipt, reply }) = self.pending.remove(&id) {
            reply.send(Ok(questions::write(&receipt))).ok();
        }
    }

    async fn pause(&mut self, reason: Option<String>) -> Answer {
        let key = format!("pause.{}", self.config.account);
        let kept = match &reason {
            Some(reason) => {
                let reason = reason.clone().into_bytes();
                let set = self.bus.set_setting(GATES, &key, reason, None);
                set.await.map(drop)
            }
            None => self.bus.delete_setting(GATES, &key, None).await,
        };
        kept.map_err(|err| Refusal::broken(err.to_string()))?;
        let before = self.gate.hold();
        self.gate.pause(reason);
        self.gate_moved(before);
        Ok(questions::write(&self.status()))
    }

    fn status(&self) -> v1::AccountStatus {
        let hold = self.gate.hold();
        let in_progress = self.active.images();
        let lane = |lane: domain::Lane| {
            let waiting = self.line.waiting_in_lane(lane);
            v1::LaneStatus {
                lane: lane.to_string(),
                waiting: waiting.tickets as u64,
                reserved_usd_micros: waiting.reserved.micros(),
                in_progress: in_progress[lane as usize],
            }
        };
        let unknown = self
            .doubtful
            .values()
            .map(|doubtful| doubtful.ticket.reserved);
        v1::AccountStatus {
            account: self.config.account.clone(),
            simulated: self.config.simulated,
            hold: hold.map(|hold| hold.to_string()),
            message: self.gate.message(),
            held_since: self.held_since.map(|since| since.to_string()),
            limit: self.ceiling.current(std::time::Instant::now()),
            in_progress: self.taken(),
            lanes: LANES.map(lane).to_vec(),
            unknown: self.doubtful.len() as u64,
            unknown_usd_micros: unknown.sum::<Usd>().micros(),
        }
    }

    async fn budget(&mut self, scope: Scope, budget: Option<Budget>) -> Answer {
        let key = format!("{BUDGETS}.{}", scope.token());
        let kept = match budget {
            Some(budget) => {
                let limit = |window| budget.limit(window).map(Usd::micros);
                let kept = Kept {
                    per_day: limit(domain::Window::Day),
                    total: limit(domain::Window::Total),
                };
                let value = serde_json::to_vec(&kept);
                let value = value.map_err(|err| Refusal::broken(err.to_string()))?;
                let set = self.bus.set_setting(BOOKS, &key, value, None);
                set.await.map(drop)
            }
            None => self.bus.delete_setting(BOOKS, &key, None).await,
        };
        kept.map_err(|err| Refusal::broken(err.to_string()))?;
        self.books.set_budget(scope.clone(), budget);
        self.act_on_books();
        Ok(questions::write(&self.budget_status(&scope, budget)))
    }

    fn budget_report(&self, tenant: &Tenant) -> v1::BudgetReport {
        let budgets = self.books.budgets();
        let own = budgets.filter(|(scope, _)| scope.tenant() == tenant);
        v1::BudgetReport {
            budgets: own
                .map(|(scope, budget)| self.budget_status(scope, Some(budget)))
                .collect(),
        }
    }

    fn budget_status(&self, scope: &Scope, budget: Option<Budget>) -> v1::BudgetStatus {
        let Report {
            day,
            total,
            exhausted,
        } = self.books.report(scope);
        let limit = |window| {
            budget
                .and_then(|budget| budget.limit(window))
                .map(Usd::micros)
        };
        v1::BudgetStatus {
            scope: scope.to_string(),
            per_day_usd_micros: limit(domain::Window::Day),
            total_usd_micros: limit(domain::Window::Total),
            settled_today_usd_micros: day.settled.micros(),
            settled_total_usd_micros: total.settled.micros(),
            reserved_usd_micros: total.reserved.micros(),
            unknown_usd_micros: total.unknown.micros(),
            exhausted,
            waiting: self.line.waiting_in(scope).tickets as u64,
        }
    }

    /// Reads the budgets and what an operator has said, as they are kept.
    pub(super) async fn read_settings(&mut self) -> Result<(), bus::Error> {
        let kept = self.bus.settings(BOOKS, &format!("{BUDGETS}.*")).await?;
        let known: Vec<Scope> = self
            .books
            .budgets()
            .map(|(scope, _)| scope.clone())
            .collect();
        let read = kept.iter().filter_map(|setting| {
            let token = setting.key.split_once('.')?.1;
            let kept: Kept = serde_json::from_slice(&setting.value).ok()?;
            let limits = [kept.per_day, kept.total].map(|limit| limit.map(Usd::from_micros));
            let budget = Budget::new(limits[0], limits[1]).ok()?;
            Some((Scope::from_token(token).ok()?, budget))
        });
        let read: Vec<(Scope, Budget)> = read.collect();
        for gone in known {
            if read.iter().all(|(scope, _)| *scope != gone) {
                self.books.set_budget(gone, None);
            }
        }
        for (scope, budget) in read {
            self.books.set_budget(scope, Some(budget));
        }
        let key = format!("pause.{}", self.config.account);
        if let Some(reason) = self.bus.setting(GATES, &key).await? {
            let reason = String::from_utf8_lossy(&reason).into_owned();
            self.gate.pause(Some(reason));
        }
        if store::is_closed(&self.bus).await? {
            self.gate.store(true);
        }
        if self.gate.hold().is_some() {
            self.held_since.get_or_insert_with(jiff::Timestamp::now);
        }
        Ok(())
    }
}

/// What an operator may say about a pause: it is told to everybody.
const REASON_CHARS: usize = 500;
/// The prefix of budgets among the books.
const BUDGETS: &str = "budget";

/// The receipt of what has ended already.
fn ended(id: GenerationId, entries: &[Entry]) -> Option<v1::Receipt> {
    let (status, billed, cost) = entries.iter().rev().find_map(|entry| match &entry.event {
        Event::Rendered(event) => Some((Status::Running, Billed::Yes, event.cost)),
        Event::Completed(event) => Some((Status::Completed, Billed::Yes, event.cost)),
        Event::Failed(event) => {
            let Failed { failure, cost, .. } = event.as_ref();
            Some((Status::Failed, failure.billed, *cost))
        }
        _ => None,
    })?;
    Some(v1::Receipt {
        id: id.to_string(),
        status: status.to_string(),
        billed: billed.to_string(),
        released_usd_micros: 0,
        committed_usd_micros: cost.micros(),
        message: "too late: it has ended at the provider".to_owned(),
    })
}

fn unknown() -> Refusal {
    refused(404, "there is no such generation")
}

fn refused(status: u16, reason: &str) -> Refusal {
    Refusal {
        status,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_without_limits_removes_it() -> Result<(), String> {
        let command = v1::BudgetCommand {
            scope: "campaign:default:summer".to_owned(),
            per_day_usd_micros: None,
            total_usd_micros: None,
        };
        let read = read("budget", &questions::write(&command))?;
        assert!(matches!(read, What::Budget(Scope::Campaign(..), None)));
        Ok(())
    }
}
