//! Calls of which nobody knows whether they were billed.
//!
//! They are resolved in this order: whoever called turns out to be alive and says so in the ledger;
//! the provider names the attempt by its own webhook; the provider's bill says it, where there is
//! one and its sums leave no other way; the requester would rather pay twice; people decide.

use std::sync::Arc;

use domain::{Announced, GenerationId, Usd};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;
use tracing::{debug, info};

use super::desk::{Active, Desk, Done, Tried};
use super::known::{Known, Stand};
use crate::attempt::{End, GivenUp, Grant, Task};
use crate::books::Call;
use crate::line::Ticket;

/// How often their ledgers are looked at, at first and later.
const LOOKS: [SignedDuration; 2] = [SignedDuration::from_secs(10), SignedDuration::from_mins(10)];
/// The most that are looked at at once.
const AT_ONCE: usize = 32;

/// What the provider's bill says of an attempt in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) id: GenerationId,
    pub(crate) attempt: u32,
    /// What it cost; none if it was not billed.
    pub(crate) cost: Option<Usd>,
}

/// A call of which nobody knows whether it was billed.
#[derive(Debug)]
pub(super) struct Doubtful {
    pub(super) ticket: Ticket,
    pub(super) call: Call,
    pub(super) token: Arc<str>,
    since: Timestamp,
    /// Until when its places count as taken: the provider may be at work on it. Counted from when
    /// this dispatcher heard of it, since another's clock may be wrong by any amount.
    quarantine: Timestamp,
    /// When the provider's bill has had its say, if there is one.
    judged: Timestamp,
    next_look: Timestamp,
    is_released: bool,
    /// A name that it was said to have, and the provider does not know.
    refuted: Option<String>,
}

impl Doubtful {
    /// The places that it may still take.
    pub(super) fn places(&self) -> u32 {
        match Timestamp::now() < self.quarantine {
            true => self.ticket.images,
            false => 0,
        }
    }

    /// Its places, and until when it may take them.
    pub(super) fn quarantine(&self) -> Option<(GenerationId, (Timestamp, u32))> {
        let images = self.places();
        (images > 0).then_some((self.call.id, (self.quarantine, images)))
    }
}

impl Desk {
    pub(super) fn doubts(&mut self, id: GenerationId, active: Active, since: Timestamp) {
        let known = self.doubtful.get(&id);
        let is_released = known.is_some_and(|known| known.is_released);
        // That we looked is no reason for the provider to be at work on it for longer.
        let same = known.filter(|known| known.call == active.call);
        let now = Timestamp::now();
        let after = |at: Timestamp, pause| at.saturating_add(pause).unwrap_or(Timestamp::MAX);
        let quarantine = same.map_or(self.quarantine_of(now), |known| known.quarantine);
        let since = same.map_or(since, |known| known.since);
        let judged = match self.config.provider.organization_key {
            Some(_) => after(since, crate::reconcile::delay(&self.config)),
            None => since,
        };
        let look = after(now, LOOKS[0]);
        let doubtful = Doubtful {
            ticket: active.ticket,
            call: active.call,
            token: active.token,
            since,
            quarantine,
            judged,
            next_look: match quarantine > now {
                true => look.min(quarantine),
                false => look,
            },
            is_released,
            refuted: None,
        };
        self.doubtful.insert(id, doubtful);
    }

    /// Until when what is in doubt since then may take its places.
    pub(super) fn quarantine_of(&self, since: Timestamp) -> Timestamp {
        let rest = SignedDuration::try_from(self.config.pauses.quarantine);
        let until = since.saturating_add(rest.unwrap_or(SignedDuration::MAX));
        until.unwrap_or(Timestamp::MAX)
    }

    /// That is not its name.
    pub(super) fn refuted(&mut self, id: GenerationId, name: String) {
        if let Some(doubtful) = self.doubtful.get_mut(&id) {
            doubtful.refuted = Some(name);
        }
    }

    pub(super) fn look_at_the_doubtful(&mut self, now: Timestamp) {
        // What is being worked on says by itself what comes of it.
        let due = |(id, doubtful): &(&GenerationId, &Doubtful)| {
            doubtful.next_look <= now && self.active.get(id).is_none()
        };
        let doubtful = self.doubtful.iter();
        let due: Vec<GenerationId> = doubtful
            .filter(due)
            .map(|(id, _)| *id)
            .take(AT_ONCE)
            .collect();
        for id in due {
            let Some(doubtful) = self.doubtful.get_mut(&id) else {
                continue;
            };
            let is_new = now < doubtful.quarantine;
            let pause = if is_new { LOOKS[0] } else { LOOKS[1] };
            doubtful.next_look = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
            if !is_new && !doubtful.is_released && now >= doubtful.judged {
                doubtful.is_released = true;
                self.takes_up(id, Task::Release);
            } else {
                self.look_again(id);
            }
        }
    }

    /// Sees whether the ledger knows more by now.
    fn look_again(&mut self, id: GenerationId) {
        let buyer = self.buyer.clone();
        self.spawn(id, async move {
            let entries = buyer.read(id).await;
            match Known::of(&entries) {
                Some(Known {
                    stand: Stand::Unknown { .. },
                    ..
                }) => Done::Nothing,
                known => Done::Looked(id, None, known),
            }
        });
    }

    /// The bill says whether it was billed. An attempt that somebody is working on, or of which more is
    /// known by now, is left as it is: the entry is written only after its `unknown`.
    pub(super) fn judged(&mut self, verdict: Verdict) {
        let Verdict { id, attempt, cost } = verdict;
        let is_it = |doubtful: &Doubtful| doubtful.call.attempt == attempt;
        if self.active.get(&id).is_some() || !self.doubtful.get(&id).is_some_and(is_it) {
            return;
        }
        info!(generation = %id, attempt, ?cost, "the provider's bill tells what came of it");
        let task = cost.map_or(Task::Acquit, Task::Charge);
        self.takes_up(id, task);
    }

    /// The provider says that it knows an attempt. Heard is what the ledger has: anything else is to
    /// be told again, to whoever dispatches by then.
    pub(super) fn announced(&mut self, announced: Announced, heard: oneshot::Sender<()>) {
        let Announced {
            id,
            token,
            provider_id,
            ..
        } = announced;
        if let Some(is_in_the_ledger) = self.active.named(&id, &token, &provider_id) {
            if is_in_the_ledger {
                heard.send(()).ok();
            }
            return;
        }
        let is_ours = |doubtful: &&Doubtful| *doubtful.token == *token;
        if self.doubtful.get(&id).filter(is_ours).is_none() {
            return self.comes_late(id, token, provider_id, heard);
        }
        let refuted = self.doubtful.get(&id).and_then(|d| d.refuted.as_ref());
        if refuted == Some(&provider_id) {
            heard.send(()).ok();
            return;
        }
        info!(generation = %id, "the provider names an attempt whose answer was lost");
        self.takes_up(id, Task::Adopt { provider_id });
    }

    /// The provider names an attempt that nobody waits for any more: it was given up, or another
    /// one was made. What it drew was paid for, so it is told of, and kept.
    fn comes_late(
        &mut self,
        id: GenerationId,
        token: String,
        provider_id: String,
        heard: oneshot::Sender<()>,
    ) {
        let buyer = self.buyer.clone();
        self.spawn(id, async move {
            let is_heard = match buyer.given_up(id, &token).await {
                GivenUp::Untold(grant) => {
                    info!(generation = %id, "an attempt turns up that was given up");
                    let end = buyer.run(*grant, Task::Adopt { provider_id }).await;
                    // Anything else says nothing of what the provider has: the news comes again.
                    matches!(
                        end,
                        End::Rendered { .. } | End::Failed { .. } | End::Unknown | End::Refuted(_)
                    )
                }
                GivenUp::Waiting(attempt) => {
                    return Done::TurnsUp(id, attempt, token.into(), provider_id);
                }
                GivenUp::NotYet => false,
                GivenUp::Nothing => true,
            };
            if is_heard {
                heard.send(()).ok();
            }
            Done::Nothing
        });
    }

    /// What waits to be tried again need not be: the provider has the first attempt.
    pub(super) fn turns_up(
        &mut self,
        id: GenerationId,
        attempt: u32,
        token: Arc<str>,
        provider_id: String,
    ) {
        let tried = self.tried.get(&id).copied().unwrap_or_default();
        if tried.doubted != Some(attempt) || !self.buyer.lease.held() {
            return;
        }
        // If it is being tried already, the news comes again, until that has ended.
        let Some(ticket) = self.withdraw(&id) else {
            return;
        };
        info!(generation = %id, "the provider names an attempt that was to be made again");
        let call = Call { id, attempt };
        // What the provider says of it is no doubt any more.
        let known = Tried {
            doubted: None,
            ..tried
        };
        let grant = super::desk::grant(&ticket, attempt, known, Arc::clone(&token));
        let task = Task::Adopt { provider_id };
        self.activate(ticket, call, token, false, grant, task);
    }

    /// Works on a doubtful one, unless that is done already; its places are taken meanwhile.
    pub(super) fn takes_up(&mut self, id: GenerationId, task: Task) {
        if self.active.get(&id).is_some() {
            return;
        }
        let Some(doubtful) = self.doubtful.get(&id) else {
            return;
        };
        let (ticket, call) = (doubtful.ticket.clone(), doubtful.call);
        let token = Arc::clone(&doubtful.token);
        let tried = self.tried.get(&id).copied().unwrap_or_default();
        let grant: Grant = super::desk::grant(&ticket, call.attempt, tried, Arc::clone(&token));
        debug!(generation = %id, since = %doubtful.since, "taken up");
        self.activate(ticket, call, token, false, grant, task);
    }
}
