//! What people ask of the dispatcher, as the gateway asks it for them.

use anyhow::Context;
use bus::Entry;
use domain::{Event, GenerationId, Tenant};
use futures::StreamExt;
use wire::ask::Message;
use wire::{ask, v1};

use crate::world::{PATIENCE, World};

impl World {
    /// Asks until somebody answers: between two dispatchers nobody is there.
    pub(crate) async fn command<M: Message + Default>(
        &self,
        subject: &str,
        question: &impl Message,
    ) -> anyhow::Result<M> {
        let question = ask::write(question);
        let answered = testkit::wait_for(PATIENCE, "an answer", async || {
            match self.bus.ask(subject, question.clone()).await {
                Err(bus::Error::Unanswered { .. }) => None,
                Err(bus::Error::Refused { reason, .. }) if reason.contains("changing hands") => {
                    None
                }
                other => Some(other),
            }
        });
        Ok(ask::read(&answered.await??)?)
    }

    pub(crate) async fn status(&self) -> anyhow::Result<v1::AccountStatus> {
        self.command(ask::STATUS, &v1::AccountCommand::default())
            .await
    }

    pub(crate) async fn pause(&self, reason: &str) -> anyhow::Result<v1::AccountStatus> {
        let command = v1::AccountCommand {
            reason: reason.to_owned(),
        };
        self.command(ask::PAUSE, &command).await
    }

    pub(crate) async fn resume(&self) -> anyhow::Result<v1::AccountStatus> {
        self.command(ask::RESUME, &v1::AccountCommand::default())
            .await
    }

    pub(crate) async fn cancel(&self, id: GenerationId) -> anyhow::Result<v1::Receipt> {
        self.command(ask::CANCEL, &of(&Tenant::default(), id)).await
    }

    pub(crate) async fn discard(&self, id: GenerationId) -> anyhow::Result<v1::Receipt> {
        self.command(ask::DISCARD, &of(&Tenant::default(), id))
            .await
    }

    /// Everything on subjects that match `filter`, in the order in which it was told.
    pub(crate) async fn told(&self, filter: &str) -> anyhow::Result<Vec<Entry>> {
        let mut told = self.bus.ledger().follow(&[filter], 0);
        let mut entries = Vec::new();
        loop {
            let next = tokio::time::timeout(PATIENCE, told.next()).await?;
            match next.context("the ledger has ended")? {
                bus::Followed::Entry(entry) => entries.push(entry),
                bus::Followed::CaughtUp(_) => return Ok(entries),
                bus::Followed::Unreadable(unreadable) => {
                    anyhow::bail!("unreadable: {unreadable:?}")
                }
            }
        }
    }

    /// As [`World::told`], once there are so many.
    pub(crate) async fn until_told(
        &self,
        filter: &str,
        times: usize,
    ) -> anyhow::Result<Vec<Event>> {
        let told = testkit::wait_for(PATIENCE, filter, async || {
            let told = self.told(filter).await.ok()?;
            (told.len() >= times).then_some(told)
        });
        let entries = told.await?.into_iter();
        Ok(entries.map(|entry| entry.event).collect())
    }
}

pub(crate) fn of(tenant: &Tenant, id: GenerationId) -> v1::GenerationCommand {
    v1::GenerationCommand {
        tenant: tenant.to_string(),
        id: id.to_string(),
    }
}
