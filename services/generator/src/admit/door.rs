//! What is taken back before it was let in. It has no `accepted`, so its end is its beginning: the
//! first entry of its ledger, which admission finds in its place.

use bus::{Bus, Entry, Expect, Requested};
use domain::{Billed, Code, Event, Failure, GenerationId, Phase, Tenant};

use super::{call_back, custom_id, refused};

/// What became of a request that was to be taken back at the door.
#[derive(Debug)]
pub(crate) enum AtTheDoor {
    /// It will not be let in.
    Withdrawn,
    /// Somebody else wrote first; this is what is known of it.
    Gone(Vec<Entry>),
    /// There is none of that name that the tenant may know of.
    Nobody,
}

/// Takes back what `tenant` calls `id`, if it has not been let in. Of this and admission one comes
/// first, and the server says which.
pub(crate) async fn withdraw(
    bus: &Bus,
    tenant: &Tenant,
    id: GenerationId,
) -> Result<AtTheDoor, bus::Error> {
    let ledger = bus.ledger();
    // The door before the ledger, so that it cannot slip through between the two.
    let found = find(bus, id).await?;
    let entries = ledger.read(id).await?;
    if !entries.is_empty() {
        return Ok(AtTheDoor::Gone(entries));
    }
    let Some(input) = found.filter(|input| input.tenant == *tenant) else {
        return Ok(AtTheDoor::Nobody);
    };
    let draft = wire::parse_request(input.content_type.as_deref(), &input.body).ok();
    call_back(bus, id, draft.as_ref()).await?;
    let failure = Failure {
        code: Code::Cancelled,
        message: "cancelled by the requester before anything was bought".to_owned(),
        phase: Phase::Admission,
        billed: Billed::No,
    };
    let mut failed = refused(&input, id, custom_id(draft.as_ref()), failure);
    // Clocks differ, and it was at the door before this.
    failed.at = failed.at.max(input.stored_at);
    let told = bus.publish(&failed.into(), &Expect::LedgerAt(0)).await;
    match told {
        Ok(_) | Err(bus::Error::Conflict { .. }) => {}
        Err(err) => return Err(err),
    }
    // A refusal that was told at this moment has the same id, and the server takes ours for it.
    let entries = ledger.read(id).await?;
    let is_ours = |entry: &Entry| was_withdrawn(&entry.event, &input);
    Ok(match told.is_ok() && entries.iter().all(is_ours) {
        true => AtTheDoor::Withdrawn,
        false => AtTheDoor::Gone(entries),
    })
}

/// Whether the request stood at the door when what goes by its name was taken back there.
pub(super) fn was_withdrawn(event: &Event, input: &Requested) -> bool {
    matches!(event, Event::Failed(failed) if failed.job.is_none()
        && failed.failure.code == Code::Cancelled && input.stored_at <= failed.at)
}

async fn find(bus: &Bus, id: GenerationId) -> Result<Option<Requested>, bus::Error> {
    let ledger = bus.ledger();
    if let Some(input) = ledger.at_the_door(id).await? {
        return Ok(Some(input));
    }
    let own = |input: &Requested| {
        let draft = wire::parse_request(input.content_type.as_deref(), &input.body).ok();
        custom_id(draft.as_ref())
    };
    let mut replayed = Vec::new();
    let is_it = |input: &Requested| {
        if input.replayed {
            replayed.push(input.clone());
            return false;
        }
        input.name(own(input).as_deref()) == id
    };
    if let Some(input) = ledger.find_at_the_door(is_it).await? {
        return Ok(Some(input));
    }
    for input in replayed {
        if ledger.name_of(&input, own(&input).as_deref()).await? == id {
            return Ok(Some(input));
        }
    }
    Ok(None)
}
