//! `requested` → `accepted`, or the reason why not.

mod door;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bus::{Bus, Delivery, Emit, Expect, Fault, Handler, Lost, Requested, Source, Step, Wait};
use domain::{
    Accepted, Admission, Billed, Code, Draft, Event, Failed, Failure, GenerationId, Invalid, Job,
    Lane, Phase, Request, Usd,
};
use imaging::{Preset, better_source};
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};
use runtime::crash;
use tracing::warn;
use wire::subject;

use crate::Config;
use crate::prices::Prices;
use crate::sources::{PinError, Sources};

pub(crate) use door::{AtTheDoor, withdraw};

/// Where the callback of a request that was refused at the door is kept, since it has no
/// `accepted`.
const ENDPOINTS: &str = "endpoints";

/// Checks requests and lets them in.
#[derive(Clone)]
pub(crate) struct Admit {
    pub(crate) bus: Bus,
    pub(crate) config: Arc<Config>,
    pub(crate) sources: Sources,
    pub(crate) prices: Prices,
}

/// Why a request is not let in now.
enum Obstacle {
    /// It never will be.
    Invalid(Invalid),
    /// Something of ours does not answer.
    Later(Source),
}

impl From<bus::Error> for Obstacle {
    fn from(err: bus::Error) -> Self {
        Self::Later(err.into())
    }
}

impl From<Invalid> for Obstacle {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<PinError> for Obstacle {
    fn from(err: PinError) -> Self {
        match err {
            PinError::Refused(invalid) => Self::Invalid(invalid),
            PinError::Later(source) => Self::Later(source),
        }
    }
}

/// How long to leave alone what does not answer.
const PAUSE: SignedDuration = SignedDuration::from_secs(3);

impl Handler<Requested> for Admit {
    /// Guarantee: a request is let in once. `accepted` is the first entry of its ledger or it is
    /// refused by the server, and the id is the same whenever the same message comes again.
    async fn handle(&self, input: Requested, _: &Delivery) -> Result<Step, Fault> {
        let settled = match wire::parse_request(input.content_type.as_deref(), &input.body) {
            Err(invalid) => Box::pin(self.refuse(&input, None, &invalid)).await,
            Ok(draft) => match self.check(&input, &draft).await {
                Ok(accepted) => self.accept(&input, &draft, accepted).await,
                Err(Obstacle::Invalid(invalid)) => {
                    Box::pin(self.refuse(&input, Some(&draft), &invalid)).await
                }
                Err(Obstacle::Later(err)) => return Ok(later(&*err)),
            },
        };
        Ok(settled.unwrap_or_else(|err| later(&err)))
    }

    /// A request that we cannot handle at all is refused like any other, unless it was let in.
    async fn give_up(&self, lost: Lost<Requested>) -> Result<Vec<Emit>, Source> {
        let Some(input) = lost.input else {
            return Ok(Vec::new());
        };
        let draft = wire::parse_request(input.content_type.as_deref(), &input.body).ok();
        let custom_id = custom_id(draft.as_ref());
        // One that was put back has another name than what it was given up under before.
        let ledger = self.bus.ledger();
        let id = ledger.name_of(&input, custom_id.as_deref()).await?;
        let failure = Failure {
            phase: Phase::Admission,
            billed: Billed::No,
            ..lost.failure
        };
        call_back(&self.bus, id, draft.as_ref()).await?;
        let expect = Expect::NoneOn(subject::ledger(id));
        let refused = refused(&input, id, custom_id, failure);
        Ok(vec![Emit::event(refused, expect)])
    }
}

impl Admit {
    /// What `draft` asks for, if it may: in the shape that serves its presets best, where it leaves
    /// that open.
    pub(crate) fn request(&self, draft: &Draft, lane: Option<Lane>) -> Result<Request, Invalid> {
        let lane = lane.unwrap_or(self.config.admission.lane);
        let mut request = draft.resolve(&Admission {
            lane,
            ..self.config.admission.clone()
        })?;
        let most = self.config.limit;
        if request.num_images > most {
            let reason = format!("the provider account draws at most {most} at once");
            return Err(Invalid::unsupported("numImages", reason));
        }
        let cuts = self.config.presets.choose_all(&request.presets)?;
        let cuts: Vec<&Preset> = cuts.iter().collect();
        ideogram::fit(draft, &mut request, self.config.api, |sizes| {
            better_source(&cuts, *sizes.first()?, sizes)
        });
        Ok(request)
    }

    async fn check(&self, input: &Requested, draft: &Draft) -> Result<Accepted, Obstacle> {
        let mut request = self.request(draft, input.lane)?;
        let callback_url = draft.callback_url()?;
        let custom_id = draft.custom_id()?;
        let retry_of = draft.retry_of()?;
        // What no route can do is refused before anything is fetched.
        ideogram::plan(&request, self.config.api)?;
        self.sources.pin(&mut request.inputs, &input.tenant).await?;
        let call = ideogram::plan(&request, self.config.api)?;
        let reserved = self.prices.bound(&call, &self.sources).await?;
        let first = input.name(custom_id.as_deref());
        let ledger = self.bus.ledger();
        let id = ledger.name_of(input, custom_id.as_deref()).await?;
        Ok(Accepted {
            job: Job {
                custom_id,
                simulated: self.config.simulated,
                callback: callback_url.is_some(),
                api_key: input.api_key.clone(),
                // What was given up and put back replaces that.
                retry_of: if id == first { retry_of } else { Some(first) },
                ..Job::new(id, input.tenant.clone(), request, input.stored_at)
            },
            callback_url,
            reserved,
        })
    }

    /// Writes `accepted`, which puts it into the waiting line.
    async fn accept(
        &self,
        input: &Requested,
        draft: &Draft,
        accepted: Accepted,
    ) -> Result<Step, bus::Error> {
        let id = accepted.job.id;
        let ledger = self.bus.ledger();
        let event = Event::from(accepted);
        match self.bus.publish(&event, &Expect::LedgerAt(0)).await {
            Ok(_) => {}
            Err(bus::Error::Conflict { .. }) => {
                let entries = ledger.read(id).await?;
                let first = entries.first().map(|entry| &entry.event);
                let custom_id = custom_id(Some(draft));
                let name = ledger.name_of(input, custom_id.as_deref()).await?;
                // It was given up at this moment, or a replica does not know yet what is there.
                if name != id || first.is_none() {
                    return Ok(later(&bus::Error::Conflict {
                        subject: subject::ledger(id),
                    }));
                }
                if !first.is_some_and(|first| is_same(first, &event, draft)) {
                    return Box::pin(self.refuse(input, Some(draft), &taken())).await;
                }
            }
            Err(err) => return Err(err),
        }
        crash::point("generator.after_accepted");
        Ok(Step::done())
    }

    /// Says why not, under the request's own name, and to its callback if it has a valid one. If the
    /// name is somebody else's, the refusal gets one of its own.
    async fn refuse(
        &self,
        input: &Requested,
        draft: Option<&Draft>,
        invalid: &Invalid,
    ) -> Result<Step, bus::Error> {
        let custom_id = custom_id(draft);
        let failure = Failure::at_admission(invalid);
        let ledger = self.bus.ledger();
        let mut id = ledger.name_of(input, custom_id.as_deref()).await?;
        let entries = ledger.read(id).await?;
        match entries.as_slice() {
            [] => {}
            [entry] if is_refusal(&entry.event, &failure) => return Ok(Step::done()),
            [entry] if door::was_withdrawn(&entry.event, input) => return Ok(Step::done()),
            _ => id = other_name(input),
        }
        call_back(&self.bus, id, draft).await?;
        warn!(generation = %id, code = %invalid.code, field = invalid.field, "refused at the door");
        Ok(Step::emit(
            refused(input, id, custom_id, failure),
            Expect::LedgerAt(0),
        ))
    }
}

/// What does not answer is not the request's fault, so it waits.
fn later(err: &(dyn std::error::Error + 'static)) -> Step {
    warn!(error = err, "not let in yet");
    Step::Wait(Wait {
        until: Timestamp::now()
            .saturating_add(PAUSE)
            .unwrap_or(Timestamp::MAX),
        counts: false,
        emit: Vec::new(),
    })
}

/// What its requester calls it.
fn custom_id(draft: Option<&Draft>) -> Option<String> {
    draft?.custom_id().ok().flatten()
}

/// Keeps whom to call of a request that has no `accepted`.
async fn call_back(bus: &Bus, id: GenerationId, draft: Option<&Draft>) -> Result<(), bus::Error> {
    let callback = draft.and_then(|draft| draft.callback_url().ok().flatten());
    if let Some(url) = callback {
        let key = format!("callback.{id}");
        bus.setting_or(ENDPOINTS, &key, url.as_str()).await?;
    }
    Ok(())
}

fn refused(
    input: &Requested,
    id: GenerationId,
    custom_id: Option<String>,
    failure: Failure,
) -> Failed {
    Failed {
        id,
        tenant: input.tenant.clone(),
        custom_id,
        job: None,
        failure,
        cost: Usd::ZERO,
        at: Timestamp::now(),
    }
}

/// Whether this is how the same request was refused before.
fn is_refusal(event: &Event, failure: &Failure) -> bool {
    matches!(event, Event::Failed(failed) if failed.job.is_none() && failed.failure == *failure)
}

/// The same for the same body, so that a redelivery is no second refusal.
fn other_name(input: &Requested) -> GenerationId {
    let body = digest(&SHA256, &input.body);
    GenerationId::of_key(&input.tenant, &format!("conflict:{}:{body:?}", input.id))
}

/// Whether both ask for the same; when they were asked does not matter, nor whether the pictures
/// they name have changed since, or the presets that `draft` leaves the shape to.
fn is_same(event: &Event, accepted: &Event, draft: &Draft) -> bool {
    match (event, accepted) {
        (Event::Accepted(known), Event::Accepted(accepted)) => {
            let (mut known_request, request) = (
                asked_for(&known.job.request),
                asked_for(&accepted.job.request),
            );
            if draft.leaves_shape_open() {
                known_request.aspect_ratio = request.aspect_ratio;
                known_request.resolution = request.resolution;
            }
            known_request == request && known.callback_url == accepted.callback_url
        }
        _ => false,
    }
}

/// The request as it was sent.
fn asked_for(request: &Request) -> Request {
    let mut request = request.clone();
    for (_, source) in request.inputs.iter_mut() {
        source.pinned = None;
    }
    request
}

fn taken() -> Invalid {
    Invalid {
        field: "customId".to_owned(),
        code: Code::Conflict,
        reason: "was used before, with another request; choose another one".to_owned(),
    }
}
