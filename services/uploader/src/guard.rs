//! Looks every few seconds how much is not ours yet and how the store is doing, shows it, raises the
//! alarm, and stops buying before what is bought is lost.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bus::{Bus, Stage};
use domain::Rendered;
use jiff::Timestamp;
use storage::Store;
use tokio::time::{self, Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::backlog::{Pressure, Sight};
use crate::condition::Condition;
use crate::gate::Gate;
use crate::{Config, metrics};

/// The most that is read of what is in line, and of what was put off.
const MOST: usize = 4096;
/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Looks over which is measured how much is stored.
const WINDOW: u32 = 12;
/// Looks after which a mark in the gate is nobody's that was not renewed.
const MARK: u32 = 6;

/// Looks, and tells.
pub(crate) struct Guard {
    bus: Bus,
    store: Store,
    min_free: u64,
    every: Duration,
    condition: Arc<Condition>,
    pressure: Pressure,
    gate: Gate,
    /// Whether the store had too little room when it was asked last.
    is_full: bool,
    is_alarmed: bool,
    /// What was found last: links go on dying while nobody can look.
    first_death: Option<Timestamp>,
    /// Why the backlog is too long, if it is.
    backlog: Option<String>,
}

impl Guard {
    pub(crate) fn new(config: &Config, bus: Bus, condition: Arc<Condition>) -> Self {
        let every = config.look;
        Self {
            gate: Gate::new(bus.clone(), every * MARK),
            bus,
            store: config.store.clone(),
            min_free: config.min_free,
            every,
            condition,
            pressure: Pressure::new(every * WINDOW),
            is_full: false,
            is_alarmed: false,
            first_death: None,
            backlog: None,
        }
    }

    /// Looks until `shutdown`. A gate that is shut then stays shut.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut tick = time::interval(self.every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let condition = Arc::clone(&self.condition);
        let looking = async {
            loop {
                tokio::select! {
                    _ = tick.tick() => {}
                    // Bad news every moment are no reason to look every moment.
                    () = condition.news.notified() => time::sleep(self.every / 10).await,
                }
                self.look().await;
            }
        };
        shutdown.run_until_cancelled(looking).await;
    }

    async fn look(&mut self) {
        self.probe().await;
        match self.sight().await {
            Ok(sight) => {
                self.backlog = self.pressure.judge(&sight, Instant::now());
                self.first_death = sight.first_death;
                let waiting = sight.backlog.in_line + sight.backlog.put_off;
                metrics::UNSTORED.set(i64::try_from(waiting).unwrap_or(i64::MAX));
                self.alarm(&sight);
            }
            Err(err) => warn!(error = %format!("{err:#}"), "cannot see what is not stored yet"),
        }
        let left = |death: Timestamp| death.duration_since(Timestamp::now()).as_secs_f64();
        metrics::LEAST_REMAINING.set(self.first_death.map_or(f64::INFINITY, left));

        let reason = self.condition.trouble().or_else(|| self.backlog.clone());
        if let Err(err) = self.gate.say(reason.as_deref()).await {
            let err = &err as &dyn std::error::Error;
            warn!(
                error = err,
                "cannot say whether what is bought could be stored"
            );
        }
    }

    /// Tries the store out. What was full must have a quarter more room before it is not.
    async fn probe(&mut self) {
        let min_free = match self.is_full {
            true => self.min_free.saturating_add(self.min_free / 4),
            false => self.min_free,
        };
        let probed = self.store.health(min_free).await;
        self.is_full = matches!(probed, Err(storage::Error::Full { .. }));
        let why = probed.map_err(anyhow::Error::from).err();
        self.condition.probed(why.map(|err| format!("{err:#}")));
    }

    async fn sight(&self) -> anyhow::Result<Sight> {
        let (mut sight, now) = (Sight::default(), Timestamp::now());
        let show = |waits, rendered: Rendered| sight.add(waits, &rendered, now);
        let looking = self.bus.backlog(Stage::Upload, MOST, show);
        let backlog = time::timeout(LIMIT, looking).await;
        sight.backlog = backlog.context("no answer in time")??;
        Ok(sight)
    }

    /// Once for each time that it becomes urgent.
    fn alarm(&mut self, sight: &Sight) {
        let is_alarmed = sight.is_alarming(self.is_alarmed);
        match (self.is_alarmed, is_alarmed) {
            (false, true) => {
                metrics::ALARMS.inc();
                let first_death = sight.first_death.map(|at| at.to_string());
                let waiting = sight.backlog.in_line + sight.backlog.put_off;
                error!(
                    waiting,
                    first_death, "paid pictures wait too long to be stored, and their links die"
                );
            }
            (true, false) => info!("paid pictures are stored in time again"),
            _ => {}
        }
        self.is_alarmed = is_alarmed;
        metrics::ALARMED.set(is_alarmed.into());
    }
}
