//! `requested` → `accepted`, or the reason why not.

use std::sync::Arc;

use bus::{Bus, Delivery, Emit, Expect, Fault, Handler, Requested, Stage, Step};
use domain::{
    Accepted, Admission, Billed, Code, Draft, Event, Failed, Failure, GenerationId, Invalid, Job,
    Phase, Usd,
};
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use runtime::crash;
use tracing::warn;

use crate::Config;

/// Where the callback of a request that was refused at the door is kept, since it has no
/// `accepted`.
const ENDPOINTS: &str = "endpoints";

/// Checks requests and lets them in.
pub(crate) struct Admit {
    pub(crate) bus: Bus,
    pub(crate) config: Arc<Config>,
}

impl Handler<Requested> for Admit {
    /// Guarantee: a request is let in once. `accepted` is the first entry of its ledger or it is
    /// refused by the server, and the id is the same whenever the same message comes again.
    async fn handle(&self, input: Requested, _: &Delivery) -> Result<Step, Fault> {
        let draft = match wire::parse_request(input.content_type.as_deref(), &input.body) {
            Ok(draft) => draft,
            Err(invalid) => return self.refuse(&input, None, &invalid).await,
        };
        match self.check(&input, &draft) {
            Ok(accepted) => self.accept(&input, &draft, accepted).await,
            Err(invalid) => self.refuse(&input, Some(&draft), &invalid).await,
        }
    }
}

impl Admit {
    fn check(&self, input: &Requested, draft: &Draft) -> Result<Accepted, Invalid> {
        let lane = input.lane.unwrap_or(self.config.admission.lane);
        let request = draft.resolve(&Admission { lane, ..self.config.admission.clone() })?;
        let callback_url = draft.callback_url()?;
        let custom_id = draft.custom_id()?;
        let call = ideogram::plan(&request, self.config.api)?;
        Ok(Accepted {
            job: Job {
                id: name(input, custom_id.as_deref()),
                tenant: input.tenant.clone(),
                custom_id,
                request,
                provider: "ideogram".to_owned(),
                simulated: self.config.simulated,
                accepted_at: input.stored_at,
                callback: callback_url.is_some(),
            },
            callback_url,
            reserved: call.upper_bound,
        })
    }

    /// Writes `accepted`, then puts the work item into the waiting line. A crash between the two is
    /// healed by the redelivery, which finds its own `accepted` and goes on from there.
    async fn accept(
        &self,
        input: &Requested,
        draft: &Draft,
        accepted: Accepted,
    ) -> Result<Step, Fault> {
        let id = accepted.job.id;
        let ledger = self.bus.ledger();
        let cause = match ledger.append(accepted.clone(), 0).await {
            Ok(sequence) => sequence,
            Err(bus::Error::Conflict { .. }) => {
                let entries = ledger.read(id).await.map_err(broken)?;
                match entries.as_slice() {
                    [first] if is_same(&first.event, &accepted) => first.sequence,
                    [first, ..] if is_same(&first.event, &accepted) => return Ok(Step::done()),
                    _ => return self.refuse(input, Some(draft), &taken()).await,
                }
            }
            Err(err) => return Err(broken(err)),
        };
        crash::point("generator.after_accepted");
        let key = format!("{}.{id}", accepted.job.request.lane);
        let event = Box::new(Event::from(accepted));
        Ok(Step::Emit(vec![Emit::Work { stage: Stage::Generate, key, event, cause }]))
    }

    /// Says why not, under the request's own name, and to its callback if it has a valid one.
    async fn refuse(
        &self,
        input: &Requested,
        draft: Option<&Draft>,
        invalid: &Invalid,
    ) -> Result<Step, Fault> {
        let custom_id = draft.and_then(|draft| draft.custom_id().ok().flatten());
        let id = match invalid.code {
            // The name is somebody else's; the refusal needs one of its own.
            Code::Conflict => {
                let body = digest(&SHA256, &input.body);
                GenerationId::of_key(&input.tenant, &format!("conflict:{body:?}"))
            }
            _ => name(input, custom_id.as_deref()),
        };
        let callback = draft.and_then(|draft| draft.callback_url().ok().flatten());
        if let Some(url) = callback {
            let key = format!("callback.{id}");
            self.bus.setting_or(ENDPOINTS, &key, url.as_str()).await.map_err(broken)?;
        }
        warn!(generation = %id, code = %invalid.code, field = invalid.field, "refused at the door");
        let failed = Failed {
            id,
            tenant: input.tenant.clone(),
            custom_id,
            job: None,
            failure: Failure::at_admission(invalid),
            cost: Usd::ZERO,
            at: Timestamp::now(),
        };
        Ok(Step::emit(failed, Expect::LedgerAt(0)))
    }
}

/// The gateway's name for it; else that of the requester's own id; else that of the message.
fn name(input: &Requested, custom_id: Option<&str>) -> GenerationId {
    match custom_id {
        Some(custom_id) if !input.named => GenerationId::of_key(&input.tenant, custom_id),
        _ => input.id,
    }
}

/// Whether both ask for the same; when they were asked does not matter.
fn is_same(event: &Event, accepted: &Accepted) -> bool {
    match event {
        Event::Accepted(known) => {
            known.job.request == accepted.job.request && known.callback_url == accepted.callback_url
        }
        _ => false,
    }
}

fn taken() -> Invalid {
    Invalid {
        field: "customId".to_owned(),
        code: Code::Conflict,
        reason: "was used before, with another request; choose another one".to_owned(),
    }
}

fn broken(err: bus::Error) -> Fault {
    let failure = Failure {
        code: Code::Overloaded,
        message: "the request could not be written down in any attempt".to_owned(),
        phase: Phase::Admission,
        billed: Billed::No,
    };
    Fault::transient(err, failure)
}
