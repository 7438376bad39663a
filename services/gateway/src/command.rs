//! `POST /v1/generations/{id}/cancel` and `/discard`: what is decided about a generation, and what
//! that means in money.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use domain::Code;
use wire::{ask, v1};

use crate::api::App;
use crate::caller::Caller;
use crate::find;
use crate::problem::Problem;
use crate::read::{Named, named, none};
use crate::resource;

pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    id: Named,
) -> Result<Json<v1::Receipt>, Problem> {
    command(&app, &caller, id, ask::CANCEL).await
}

pub(crate) async fn discard(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    id: Named,
) -> Result<Json<v1::Receipt>, Problem> {
    command(&app, &caller, id, ask::DISCARD).await
}

async fn command(
    app: &App,
    caller: &Caller,
    id: Named,
    subject: &'static str,
) -> Result<Json<v1::Receipt>, Problem> {
    let id = named(id)?;
    // What people have published themselves is known to the generator alone until it is let in.
    let found = find::find(app, &caller.tenant, id).await?;
    if found.is_none() && subject != ask::CANCEL {
        return Err(none());
    }
    let question = v1::GenerationCommand {
        tenant: caller.tenant.to_string(),
        id: id.to_string(),
    };
    match app.bus.ask(subject, ask::write(&question)).await {
        Ok(receipt) => Ok(Json(ask::read(&receipt)?)),
        Err(bus::Error::Refused {
            status: 409,
            reason,
            ..
        }) => {
            let problem = Problem::new(Code::Conflict, reason);
            Err(match found {
                Some(found) => problem.billed(resource::billed(&found.generation)),
                None => problem,
            })
        }
        Err(bus::Error::Refused { status: 404, .. }) if found.is_none() => Err(none()),
        Err(err) => Err(err.into()),
    }
}
