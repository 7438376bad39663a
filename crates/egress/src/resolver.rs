use std::{fmt, io, sync::Arc, time::Duration};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::{net::lookup_host, time::timeout};

use crate::{Policy, target::Reach};

const TIMEOUT: Duration = Duration::from_secs(5);
/// More addresses than that are neither looked at nor connected to.
const MAX_ADDRESSES: usize = 32;

/// At least one address of the name is not permitted.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not permitted")]
pub(crate) struct Blocked;

/// Resolves names for the connector, which connects to exactly the addresses checked here.
///
/// One address that is not permitted refuses the name altogether: an honest name has no such
/// address, and a connector left with a choice could be made to choose.
pub(crate) struct Guard {
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) reach: Reach,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let resolving = self.resolver.resolve(name);
        let policy = self.policy.clone();
        let reach = self.reach;
        Box::pin(async move {
            let answers = timeout(TIMEOUT, resolving)
                .await
                .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no answer from DNS"))??;
            let answers: Vec<_> = answers.take(MAX_ADDRESSES).collect();
            if !answers
                .iter()
                .all(|answer| policy.permits(answer.ip(), reach))
            {
                return Err(Blocked.into());
            }
            Ok(Box::new(answers.into_iter()) as Addrs)
        })
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}

/// The resolver of the operating system.
#[derive(Debug)]
pub(crate) struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The connector puts the port in.
            let answers: Vec<_> = lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(answers.into_iter()) as Addrs)
        })
    }
}
