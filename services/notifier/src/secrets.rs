//! What callbacks are signed with.

use std::collections::HashMap;

use bus::{Bus, Source};
use domain::Tenant;
use tokio::sync::Mutex;
use webhooks::Secret;

const BUCKET: &str = "keys";

/// Each tenant's secret, made when it is first needed; all replicas agree on it.
#[derive(Debug)]
pub(crate) struct Secrets {
    bus: Bus,
    /// As many as there are tenants with callbacks.
    known: Mutex<HashMap<Tenant, Secret>>,
}

impl Secrets {
    pub(crate) fn new(bus: Bus) -> Self {
        Self {
            bus,
            known: Mutex::default(),
        }
    }

    /// The secret that `tenant` signs with.
    pub(crate) async fn of(&self, tenant: &Tenant) -> Result<Secret, Source> {
        let mut known = self.known.lock().await;
        if let Some(secret) = known.get(tenant) {
            return Ok(secret.clone());
        }
        let fresh = Secret::generate()?.reveal();
        let stored = self
            .bus
            .setting_or(BUCKET, &format!("webhook-secret.{tenant}"), &fresh)
            .await?;
        let secret = Secret::parse(str::from_utf8(&stored)?)?;
        known.insert(tenant.clone(), secret.clone());
        Ok(secret)
    }
}
