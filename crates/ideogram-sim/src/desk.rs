//! Accepts jobs, remembers them, and counts places and money.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::answer::Refusal;
use crate::clock::later;
use crate::config::{Check, Config};
use crate::job::{Job, JobId, JobStatus};
use crate::order::Order;

const POLL_WINDOW: Duration = Duration::from_secs(10);

/// One line of the bill: an accepted call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Charge {
    /// The generation id.
    pub id: String,
    /// The path of the call.
    pub route: String,
    /// The prompt as sent.
    pub prompt: String,
    /// How many images were ordered.
    pub images: u8,
    /// What they cost in USD micros; 0 once the generation has failed.
    pub usd_micros: i64,
    /// When the call was accepted, RFC 3339.
    pub at: String,
    /// What has become of it.
    pub status: JobStatus,
}

/// The simulator at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Snapshot {
    /// The simulated time, RFC 3339.
    pub now: String,
    /// Images in progress.
    pub in_flight: usize,
    /// The most images that were ever in progress at once.
    pub peak_in_flight: usize,
    /// Generations accepted since the start.
    pub accepted: u64,
    /// Generations that can be polled.
    pub remembered: usize,
    /// USD micros of all accepted generations that do not fail.
    pub billed_usd_micros: i64,
    /// Refused submissions by status.
    pub refused: BTreeMap<u16, u64>,
    /// Polls answered.
    pub polls: u64,
    /// Pictures sent.
    pub downloads: u64,
    /// Pictures drawn; the others came from memory.
    pub drawn: u64,
    /// Downloads that carried an `Api-Key`, which the picture host has no business to see.
    pub leaked_keys: u64,
    /// Webhooks answered with 2xx.
    pub webhooks_delivered: u64,
    /// Webhooks given up.
    pub webhooks_failed: u64,
}

/// Everything that changes under one lock.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    jobs: HashMap<JobId, Arc<Job>>,
    by_age: VecDeque<JobId>,
    places: BinaryHeap<Reverse<Timestamp>>,
    polls: VecDeque<Timestamp>,
    pub(crate) totals: Snapshot,
}

impl Desk {
    /// Accepts an order, or says why not; a refused order leaves no trace but a count.
    pub(crate) fn admit(
        &mut self,
        order: Order,
        config: &Config,
        now: Timestamp,
    ) -> Result<Arc<Job>, Refusal> {
        for check in config.admission {
            match check {
                Check::Funds => self.check_funds(&order, config.balance_usd_micros)?,
                Check::InFlight => self.check_places(&order, config, now)?,
                Check::Safety if order.says("[unsafe]") => return Err(Refusal::unsafe_prompt()),
                Check::Safety => {}
            }
        }
        let job = Arc::new(Job::new(order, config.latency, now));
        self.remember(Arc::clone(&job), config.max_jobs);
        self.totals.peak_in_flight = self.totals.peak_in_flight.max(self.places.len());
        Ok(job)
    }

    /// Keeps a job, and forgets the oldest beyond `max`.
    pub(crate) fn remember(&mut self, job: Arc<Job>, max: usize) {
        self.places.extend(job.place_ends().map(Reverse));
        self.totals.accepted += 1;
        self.totals.billed_usd_micros += job.usd_micros();
        self.by_age.push_back(job.id);
        self.jobs.insert(job.id, job);
        while self.by_age.len() > max.max(1) {
            if let Some(id) = self.by_age.pop_front() {
                self.jobs.remove(&id);
            }
        }
    }

    pub(crate) fn job(&self, id: JobId) -> Option<Arc<Job>> {
        self.jobs.get(&id).cloned()
    }

    /// Counts a poll, or refuses it with the time after which there is room again.
    pub(crate) fn poll(&mut self, limit: usize, now: Timestamp) -> Result<(), Refusal> {
        while self
            .polls
            .front()
            .is_some_and(|at| later(*at, POLL_WINDOW) <= now)
        {
            self.polls.pop_front();
        }
        if self.polls.len() >= limit {
            let free = self.polls.front().map_or(now, |at| later(*at, POLL_WINDOW));
            let left = Duration::try_from(free.duration_since(now)).unwrap_or_default();
            return Err(Refusal::PolledTooOften {
                retry_after_s: left.as_secs() + 1,
            });
        }
        self.polls.push_back(now);
        self.totals.polls += 1;
        Ok(())
    }

    /// The remembered jobs, oldest first.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.by_age.iter().filter_map(|id| self.jobs.get(id))
    }

    pub(crate) fn bill(&self, now: Timestamp) -> Vec<Charge> {
        let charge = |job: &Arc<Job>| Charge {
            id: job.id.to_string(),
            route: job.order.route.clone(),
            prompt: job.order.prompt.clone(),
            images: job.order.images,
            usd_micros: match job.status(now) {
                JobStatus::Pending => job.order.usd_micros(),
                JobStatus::Completed | JobStatus::Failed => job.usd_micros(),
            },
            at: job.created.to_string(),
            status: job.status(now),
        };
        self.jobs().map(charge).collect()
    }

    pub(crate) fn snapshot(&mut self, now: Timestamp) -> Snapshot {
        self.free_places(now);
        Snapshot {
            now: now.to_string(),
            in_flight: self.places.len(),
            remembered: self.jobs.len(),
            ..self.totals.clone()
        }
    }

    fn check_funds(&self, order: &Order, balance: Option<i64>) -> Result<(), Refusal> {
        match balance {
            Some(balance) if self.totals.billed_usd_micros + order.usd_micros() > balance => {
                Err(Refusal::funds())
            }
            _ => Ok(()),
        }
    }

    fn check_places(
        &mut self,
        order: &Order,
        config: &Config,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.free_places(now);
        let wanted = self.places.len() + usize::from(order.images);
        if config.enforce_limit && wanted > config.max_in_flight as usize {
            return Err(Refusal::in_flight(config.max_in_flight));
        }
        Ok(())
    }

    fn free_places(&mut self, now: Timestamp) {
        while self.places.peek().is_some_and(|Reverse(ends)| *ends <= now) {
            self.places.pop();
        }
    }
}
