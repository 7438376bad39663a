//! Finding a generation: the historian knows it, or it is on the way there.

use bus::Requested;
use domain::{Event, Generation, GenerationId, Status, Tenant};
use tracing::{debug, warn};
use wire::{ask, v1};

use crate::api::App;
use crate::order::{self, Order};
use crate::problem::Problem;

/// A generation as far as it is known.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) generation: Generation,
    /// The request, while the generator has not seen it.
    pub(crate) order: Option<Order>,
}

/// Finds what `tenant` calls `id`.
pub(crate) async fn find(
    app: &App,
    tenant: &Tenant,
    id: GenerationId,
) -> Result<Option<Found>, Problem> {
    if let Some(generation) = in_history(app, tenant, id).await {
        return Ok(Some(Found {
            generation,
            order: None,
        }));
    }
    let found = latest(app, id).await?;
    Ok(found.filter(|found| found.generation.tenant == *tenant))
}

/// What the door and the ledger say at this moment, without the historian, who may lag behind.
pub(crate) async fn latest(app: &App, id: GenerationId) -> Result<Option<Found>, Problem> {
    let ledger = app.bus.ledger();
    // In the order in which a request moves, so that it cannot slip through between the two.
    let waiting = ledger.at_the_door(id).await?;
    let entries = ledger.read(id).await?;
    let generation = Generation::of(entries.into_iter().map(|entry| entry.event));
    let admitted = generation.map(|generation| Found {
        generation,
        order: None,
    });
    Ok(admitted.or_else(|| waiting.map(|requested| at_the_door(app, requested))))
}

fn at_the_door(app: &App, requested: Requested) -> Found {
    let Requested {
        id,
        tenant,
        api_key,
        lane,
        content_type,
        body,
        stored_at,
        ..
    } = requested;
    let lane = lane.unwrap_or(app.admission.lane);
    match Order::read(content_type.as_deref(), &body, lane, app) {
        Ok(order) => Found {
            generation: order.generation(id, tenant, api_key, stored_at),
            order: Some(order),
        },
        Err(_) => Found {
            generation: order::unread(id, tenant, stored_at),
            order: None,
        },
    }
}

async fn in_history(app: &App, tenant: &Tenant, id: GenerationId) -> Option<Generation> {
    let question = v1::HistoryGet {
        tenant: tenant.to_string(),
        id: id.to_string(),
    };
    let answer = match app.bus.ask(ask::HISTORY_GET, ask::write(&question)).await {
        Ok(answer) => answer,
        Err(err) => {
            debug!(
                error = &err as &dyn std::error::Error,
                "history does not know it"
            );
            return None;
        }
    };
    if answer.is_empty() {
        return None;
    }
    match read(&answer) {
        Ok(generation) => Some(generation).filter(|generation| generation.tenant == *tenant),
        Err(err) => {
            warn!(error = err.as_ref(), "history's answer is no generation");
            None
        }
    }
}

fn read(answer: &[u8]) -> Result<Generation, bus::Source> {
    Ok(ask::read::<v1::Generation>(answer)?.try_into()?)
}

impl Found {
    /// Takes note of `event`, unless more has to be read to know the whole.
    pub(crate) fn learn(&mut self, event: &Event) -> bool {
        if matches!(event, Event::Ready(_)) && self.generation.status != Status::Completed {
            return false;
        }
        if self.order.is_none() && self.generation.job.is_some() {
            self.generation.apply(event);
            return true;
        }
        let told = Generation::begin(event).filter(|generation| generation.job.is_some());
        let Some(mut generation) = told else {
            return false;
        };
        generation.cost.reserved = self.generation.cost.reserved;
        *self = Self {
            generation,
            order: None,
        };
        true
    }

    /// Reads the ledger, which may know more than the historian did.
    pub(crate) async fn refresh(&mut self, app: &App) {
        match latest(app, self.generation.id).await {
            Ok(Some(latest)) => *self = latest,
            // Not there yet, or no longer: this is the more recent news.
            Ok(None) => {}
            Err(problem) => warn!(?problem, "ledger not read while waiting"),
        }
    }

    pub(crate) const fn is_final(&self) -> bool {
        self.generation.status.is_final()
    }

    /// Whether it came of `order`, as far as that can be told: of a request that was refused at
    /// the door, nothing is kept to compare with.
    pub(crate) async fn is_of(&self, app: &App, order: &Order) -> Result<bool, Problem> {
        if let Some(own) = &self.order {
            return Ok(own == order);
        }
        let Some(job) = &self.generation.job else {
            return Ok(true);
        };
        if !order.is_of(job) || !job.callback {
            return Ok(order.is_of(job));
        }
        let accepted = app.bus.ledger().accepted(job.id).await?;
        Ok(accepted.is_none_or(|accepted| accepted.callback_url == order.callback_url))
    }
}
