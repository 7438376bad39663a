//! Accepts jobs, remembers them, and counts places and money.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::answer::Refusal;
use crate::clock::later;
use crate::config::{Check, Config};
use crate::job::{Job, JobId, JobStatus};
use crate::order::Order;
use crate::places::Places;
use crate::settings::Settings;

const POLL_WINDOW: Duration = Duration::from_secs(10);

/// One line of the bill: an accepted call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Charge {
    /// The generation id.
    pub id: String,
    /// The path of the call.
    pub route: String,
    /// The id of the key that it came with, as the usage report names it.
    #[serde(default)]
    pub api_key: String,
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
    /// The time that images have been in progress since the start, summed over the images, in
    /// milliseconds: divided by the time and the limit, how well the account was used.
    #[serde(default)]
    pub image_millis: u64,
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
    places: Places,
    polls: VecDeque<Timestamp>,
    pub(crate) settings: Settings,
    pub(crate) totals: Snapshot,
}

impl Desk {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Accepts an order, or says why not; a refused order leaves no trace but a count.
    pub(crate) fn admit(
        &mut self,
        order: Order,
        config: &Config,
        now: Timestamp,
    ) -> Result<Arc<Job>, Refusal> {
        for check in config.admission {
            match check {
                Check::Funds => self.check_funds(&order)?,
                Check::InFlight => self.check_places(&order, now)?,
                Check::Safety if order.says("[unsafe]") => return Err(Refusal::unsafe_prompt()),
                Check::Safety => {}
            }
        }
        let job = Arc::new(Job::new(order, config.latency, now));
        self.places.free(now);
        self.remember(Arc::clone(&job), config.max_jobs);
        Ok(job)
    }

    /// Keeps a job, and forgets the oldest beyond `max`.
    pub(crate) fn remember(&mut self, job: Arc<Job>, max: usize) {
        self.places.take(job.created, job.place_ends());
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
            return Err(Refusal::polled_too_often(left.as_secs() + 1));
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
            api_key: job.order.api_key.clone(),
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
        self.places.free(now);
        Snapshot {
            now: now.to_string(),
            in_flight: self.places.taken(),
            peak_in_flight: self.places.peak(),
            image_millis: self.places.image_millis(now),
            remembered: self.jobs.len(),
            ..self.totals.clone()
        }
    }

    fn check_funds(&self, order: &Order) -> Result<(), Refusal> {
        match self.settings.balance_usd_micros {
            Some(balance) if self.totals.billed_usd_micros + order.usd_micros() > balance => {
                Err(Refusal::funds())
            }
            _ => Ok(()),
        }
    }

    fn check_places(&mut self, order: &Order, now: Timestamp) -> Result<(), Refusal> {
        self.places.free(now);
        let (wanted, limit) = (usize::from(order.images), self.settings.max_in_flight);
        if self.settings.enforce_limit && self.places.taken() + wanted > limit as usize {
            return Err(Refusal::in_flight(limit));
        }
        Ok(())
    }
}
