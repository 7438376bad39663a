//! One piece of news and one receiver.

use bus::{Bus, Delivery, Emit, Fault, Glance, Handler, Ledger, Lost, Source, Step, Wait};
use domain::{Billed, Code, Event, Failure, Phase};
use jiff::Timestamp;
use runtime::crash;
use url::Url;
use wire::header::{CALLBACK, TRACEPARENT};

use crate::body::body;
use crate::metrics;
use crate::operator;
use crate::order::{earlier, happened_at, held_back_until};
use crate::outcome::{Outcome, SCHEDULE};
use crate::receiver::Receiver;
use crate::secrets::Secrets;

/// Where the door takes note of the callbacks of what it refuses.
const ENDPOINTS: &str = "endpoints";

/// Events → callbacks, and what became of them.
#[derive(Debug)]
pub(crate) struct Notify {
    client: egress::Client,
    bus: Bus,
    ledger: Ledger,
    secrets: Secrets,
    /// Where to tell what concerns the whole.
    operator: Option<Url>,
}

impl Handler<Event> for Notify {
    async fn handle(&self, event: Event, delivery: &Delivery) -> Result<Step, Fault> {
        let (true, Some(at)) = (may_be_wanted(&event), happened_at(&event)) else {
            return Ok(Step::done());
        };
        let Some(receiver) = self.receiver(&event).await.map_err(fault)? else {
            return Ok(Step::done());
        };
        if receiver.is_kept_book_of() && self.was_told(&event.id(), &receiver).await? {
            return Ok(Step::done());
        }
        let now = Timestamp::now();
        metrics::OLDEST.set(now.duration_since(at).as_secs_f64());
        if let Some(until) = held_back_until(at, now)
            && !self.have_heard(&earlier(&event), &receiver).await?
        {
            return Ok(Step::Wait(Wait {
                until,
                counts: false,
                emit: Vec::new(),
            }));
        }

        let outcome = self.tell(&event, &receiver).await.map_err(fault)?;
        crash::point("notifier.after_send");
        Ok(outcome.next(&event, &receiver, delivery.attempt))
    }

    /// Most is of this kind.
    fn ignores(&self, message: &Glance<'_>) -> bool {
        message.header(CALLBACK) == Some("no")
    }

    async fn give_up(&self, lost: Lost<Event>) -> Result<Vec<Emit>, Source> {
        // Without the event nobody knows whom to tell what: the message is among the dead letters.
        let Some(event) = lost.input else {
            return Ok(Vec::new());
        };
        if !may_be_wanted(&event) {
            return Ok(Vec::new());
        }
        let attempts = SCHEDULE.attempts().try_into().unwrap_or(u32::MAX);
        let receiver = self.receiver(&event).await?;
        let untold = receiver.and_then(|to| to.failed(&event, attempts, lost.failure.message));
        Ok(untold.into_iter().collect())
    }
}

impl Notify {
    pub(crate) fn new(bus: Bus, client: egress::Client, operator: Option<Url>) -> Self {
        Self {
            client,
            operator,
            ledger: bus.ledger(),
            secrets: Secrets::new(bus.clone()),
            bus,
        }
    }

    /// Who is to be told of `event`, if anybody is.
    async fn receiver(&self, event: &Event) -> Result<Option<Receiver>, Source> {
        if operator::is_for(event) {
            return Ok(self.operator.clone().map(Receiver::operator));
        }
        if let Event::Failed(failed) = event
            && failed.job.is_none()
        {
            let key = format!("callback.{}", failed.id);
            let url = self.bus.setting(ENDPOINTS, &key).await?;
            let Some(url) = url else { return Ok(None) };
            let url: Url = std::str::from_utf8(&url)?.parse()?;
            return Ok(Some(Receiver::of_refused(failed, url)));
        }
        let Some(id) = event.generation() else {
            return Ok(None);
        };
        let accepted = self.ledger.accepted(id).await?;
        Ok(accepted.and_then(Receiver::of))
    }

    async fn was_told(&self, event_id: &str, receiver: &Receiver) -> Result<bool, Fault> {
        let told = self.ledger.was_told(event_id, &receiver.endpoint).await;
        told.map_err(fault)
    }

    async fn have_heard(&self, news: &[String], receiver: &Receiver) -> Result<bool, Fault> {
        for event_id in news {
            if !self.was_told(event_id, receiver).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Signs and sends.
    async fn tell(&self, event: &Event, receiver: &Receiver) -> Result<Outcome, Source> {
        let body = body(event, receiver).ok_or("nothing to say")?;
        let secret = self.secrets.of(&receiver.tenant).await?;
        let now = Timestamp::now().as_second();
        let signature = webhooks::headers(&[secret], &event.id(), now, &body)?;
        let mut headers = vec![("content-type", "application/json".to_owned())];
        headers.extend(signature);
        // So that the receiver's trace goes on where ours ends (W3C Trace Context).
        headers.extend(bus::trace::current().map(|parent| (TRACEPARENT, parent)));

        let sent = self.client.post(&receiver.url, &headers, body.into()).await;
        Ok(Outcome::of(sent))
    }
}

/// Whether somebody may want to hear of it, as far as the event itself knows.
fn may_be_wanted(event: &Event) -> bool {
    match event {
        event if operator::is_for(event) => true,
        Event::Completed(event) => event.job.callback,
        Event::Ready(event) => event.job.callback,
        Event::ImageReady(event) => event.job.callback,
        Event::Failed(event) => event.job.as_ref().is_none_or(|job| job.callback),
        Event::Unknown(_) => true,
        _ => false,
    }
}

fn fault(err: impl Into<Source>) -> Fault {
    let failure = Failure {
        code: Code::Internal,
        message: "the receiver could not be told: the system was not able to work".to_owned(),
        phase: Phase::Notification,
        billed: Billed::Unknown,
    };
    Fault::transient(err, failure)
}
