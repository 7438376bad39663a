use ideogram_sim::FaultKind;
use serde_json::json;

use crate::{Broker, Customer, GENERATORS, Pipeline, STANDBY};

/// A labelled point at which a test may let a service die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Whose point it is.
    pub service: &'static str,
    /// Its name in the source.
    pub label: &'static str,
    /// What leads there.
    pub situation: Situation,
    /// What dying there may cost.
    pub loss: Loss,
}

/// What leads to a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    /// A request, on its way.
    Request,
    /// A call that the provider refuses for want of money, until the service has died.
    Refusal,
    /// The end of whoever dispatched before.
    Takeover,
    /// The removal of a picture.
    Removal,
}

/// What a death may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Nothing: every request goes on.
    None,
    /// A request that was in the call is unknown, and was not bought.
    NotBought,
    /// A request that was in the call was bought, and is unknown until the provider announces it.
    Bought,
}

/// Every labelled point of every service.
pub const POINTS: [Point; 19] = [
    on_the_way("gateway", "gateway.after_request"),
    on_the_way("generator", "generator.after_accepted"),
    on_the_way("generator", "generator.before_calling"),
    Point {
        loss: Loss::NotBought,
        ..on_the_way("generator", "generator.after_calling")
    },
    Point {
        loss: Loss::Bought,
        ..on_the_way("generator", "generator.after_answer")
    },
    on_the_way("generator", "generator.after_submitted"),
    on_the_way("generator", "generator.before_rendered"),
    on_the_way("generator", "generator.after_rendered"),
    Point {
        situation: Situation::Refusal,
        ..on_the_way("generator", "generator.after_parked")
    },
    Point {
        situation: Situation::Takeover,
        ..on_the_way("generator", "generator.takeover")
    },
    Point {
        situation: Situation::Takeover,
        ..on_the_way("generator", "generator.after_notes")
    },
    on_the_way("uploader", "uploader.after_download"),
    on_the_way("uploader", "uploader.after_put"),
    Point {
        situation: Situation::Removal,
        ..on_the_way("uploader", "uploader.after_delete")
    },
    on_the_way("post-processor", "post_processor.after_cut"),
    on_the_way("post-processor", "post_processor.after_put"),
    on_the_way("historian", "historian.before_commit"),
    on_the_way("historian", "historian.after_commit"),
    on_the_way("notifier", "notifier.after_send"),
];

const fn on_the_way(service: &'static str, label: &'static str) -> Point {
    Point {
        service,
        label,
        situation: Situation::Request,
        loss: Loss::None,
    }
}

impl Point {
    /// The point of that name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn named(label: &str) -> anyhow::Result<Self> {
        let point = POINTS.into_iter().find(|point| point.label == label);
        point.ok_or_else(|| anyhow::anyhow!("there is no point `{label}`"))
    }

    /// Lets the service die here while the customer asks for `at_once` pictures at a time, starts it
    /// again as one that lives on, and returns when all requests have an answer. A takeover takes a
    /// second generator.
    ///
    /// # Errors
    ///
    /// If it does not come here, or does not start.
    pub async fn strike(
        &self,
        pipeline: &mut Pipeline,
        customer: &mut Customer,
        at_once: usize,
    ) -> anyhow::Result<()> {
        let processes = pipeline.processes()?;
        let is_dead = processes.doom(self.service, self.label).await?;
        match self.situation {
            _ if is_dead => {}
            Situation::Takeover => {
                // So that there is something to take over.
                customer.ask(at_once).await?;
                processes.terminate(STANDBY).await?;
                processes.dies(self.service).await?;
                processes.start_again(STANDBY).await?;
            }
            Situation::Refusal => {
                pipeline.provider.set_fault(FaultKind::Status {
                    status: 402,
                    reject_reason: None,
                    after_accept: false,
                })?;
                self.strike_on_the_way(pipeline, customer, at_once).await?;
                pipeline.provider.clear_faults();
            }
            Situation::Removal => {
                remove_nothing(&pipeline.broker).await?;
                pipeline.processes()?.dies(self.service).await?;
            }
            Situation::Request => self.strike_on_the_way(pipeline, customer, at_once).await?,
        }
        let processes = pipeline.processes()?;
        processes.start_again(self.service).await?;
        customer.insist().await
    }

    /// Lets it die at work. If there is a second generator, that one stands by.
    async fn strike_on_the_way(
        &self,
        pipeline: &mut Pipeline,
        customer: &mut Customer,
        at_once: usize,
    ) -> anyhow::Result<()> {
        let processes = pipeline.processes()?;
        if GENERATORS.contains(&self.service) && processes.has(STANDBY) {
            processes.terminate(STANDBY).await?;
            processes.dispatches(self.service).await?;
            processes.start_again(STANDBY).await?;
        }
        tokio::select! {
            died = processes.dies(self.service) => died,
            failed = customer.ask_on(at_once) => failed,
        }
    }
}

/// Asks for the removal of a picture that nobody ever had, so that no request misses one.
async fn remove_nothing(broker: &Broker) -> anyhow::Result<()> {
    let image = "img_01jdx2m0ghe3s8kfvhnc4pcprw";
    let expired = json!({
        "id": "gen_01jdx2m0ghe3s8kfvhnc4pcprw",
        "tenant": "default",
        "image": image,
        "reason": "retention",
        "at": "2026-01-01T00:00:00Z",
    });
    let headers = [
        ("ce-type", "asset.expired"),
        ("Content-Type", "application/json"),
    ];
    let subject = format!("asset.expired.{image}");
    broker
        .publish_as(&subject, &headers, expired.to_string())
        .await
}
