//! Ports are looked at before anything is started: half a system is worse than none.

use std::net::{SocketAddr, TcpListener};

use anyhow::Context;

use super::plan::Plan;

/// Finds all ports free.
///
/// # Errors
///
/// The first that is not, and the variable that chooses another.
pub(crate) fn check(plan: &Plan) -> anyhow::Result<()> {
    let mut wanted = vec![("DARKROOM_LISTEN", plan.listen)];
    wanted.extend(
        plan.nats_listen
            .map(|listen| ("DARKROOM_NATS_LISTEN", listen)),
    );
    if plan.simulated {
        let names = [
            "DARKROOM_SIM_LISTEN",
            "DARKROOM_SIM_IMAGES_LISTEN",
            "DARKROOM_SIM_ADMIN_LISTEN",
        ];
        wanted.extend(names.into_iter().zip(plan.sim_listen));
    }
    wanted
        .into_iter()
        .try_for_each(|(variable, address)| is_free(variable, address))
}

fn is_free(variable: &str, address: SocketAddr) -> anyhow::Result<()> {
    TcpListener::bind(address).map(drop).with_context(|| {
        format!("cannot listen on {address}; choose another address with {variable}")
    })
}
