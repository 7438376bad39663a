//! What happens to a generation, as facts. Each is self-contained: no stage asks another for more.

use jiff::Timestamp;
use url::Url;

use crate::{
    DerivationId, Failure, GenerationId, Hold, Image, ImageId, Job, PresetChoice, Scope, Tenant,
    Usd,
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is documented at its type")]
pub enum Event {
    Accepted(Box<Accepted>),
    Calling(Calling),
    Submitted(Submitted),
    Unknown(Unknown),
    Parked(Parked),
    Rendered(Box<Rendered>),
    Completed(Box<Completed>),
    Failed(Box<Failed>),
    Ready(Box<Ready>),
    ImageReady(Box<ImageReady>),
    ImageFailed(Box<ImageFailed>),
    ImageRecovered(Box<ImageRecovered>),
    ImageRecut(Box<ImageRecut>),
    AssetExpired(AssetExpired),
    AssetDeleted(AssetDeleted),
    Announced(Announced),
    ProviderParked(ProviderParked),
    ProviderResumed(ProviderResumed),
    ProviderDiscrepancy(ProviderDiscrepancy),
    BudgetWarning(BudgetNotice),
    BudgetExhausted(BudgetNotice),
    NotificationDelivered(NotificationDelivered),
    NotificationFailed(NotificationFailed),
}

/// A request was checked and will be served. The first event of a generation. It alone knows where
/// to call back, and is never republished.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// What to do.
    pub job: Job,
    /// Whom to tell.
    pub callback_url: Option<Url>,
    /// The most that the provider may charge for it.
    pub reserved: Usd,
}

/// The provider is about to be called: durable before the first byte leaves. Whoever finds it
/// without a successor, and is not the writer, knows that money may have been spent.
#[derive(Debug, Clone, PartialEq)]
pub struct Calling {
    /// Whose generation.
    pub id: GenerationId,
    /// From 1; the attempts before it were refused without being billed.
    pub attempt: u32,
    /// Who is calling: fresh for each attempt.
    pub token: String,
    /// Which of the provider's routes is called.
    pub route: String,
    /// How many places of the account it takes.
    pub images: u32,
    /// The most that it may cost.
    pub reserved: Usd,
    /// When.
    pub at: Timestamp,
}

/// The provider took the request and gave it a name to ask for it by.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted {
    /// Whose generation.
    pub id: GenerationId,
    /// Which attempt.
    pub attempt: u32,
    /// The provider's name for it.
    pub provider_id: String,
    /// When.
    pub at: Timestamp,
}

/// The call was sent and no answer was stored. Not repeated, because it may have been billed.
#[derive(Debug, Clone, PartialEq)]
pub struct Unknown {
    /// Whose generation.
    pub id: GenerationId,
    /// Which attempt.
    pub attempt: u32,
    /// What is known.
    pub reason: String,
    /// The most that it may have cost.
    pub reserved: Usd,
    /// When.
    pub at: Timestamp,
}

/// It cannot be served now, and nothing of it is open at the provider: it was not called, or the
/// call came to nothing and was not billed. It waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Parked {
    /// Whose generation.
    pub id: GenerationId,
    /// What it waits for.
    pub reason: String,
    /// How many attempts have failed so far. Waiting for the account uses up none.
    pub failures: u32,
    /// Not tried again before; none if it is whenever its turn comes.
    pub until: Option<Timestamp>,
    /// Whether the last attempt may have been billed all the same: the requester would rather pay
    /// twice than wait.
    pub in_doubt: bool,
    /// The attempt of which that is so, also if there were others since, which were not billed.
    pub doubted: Option<u32>,
    /// When.
    pub at: Timestamp,
}

/// The provider drew it and was paid; the links die.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// Whose.
    pub job: Job,
    /// Which attempt.
    pub attempt: u32,
    /// The provider's name for it, if its route gives one.
    pub provider_id: Option<String>,
    /// What it drew.
    pub images: Vec<RenderedImage>,
    /// What it said, if it was asked for words.
    pub texts: Vec<String>,
    /// Whether its generation had ended before: given up, or served by another attempt.
    pub late: bool,
    /// When the links die.
    pub expires_at: Timestamp,
    /// What it cost.
    pub cost: Usd,
    /// When.
    pub at: Timestamp,
}

/// One picture at the provider.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderedImage {
    /// Its place in the generation, from 0.
    pub index: u32,
    /// Where to fetch it; none if the provider withheld it.
    pub link: Option<Url>,
    /// What it was drawn from.
    pub seed: Option<i64>,
    /// What was drawn, after the provider's rewriting.
    pub prompt: Option<String>,
}

/// At least one picture is ours. One of the two ends of every accepted request.
#[derive(Debug, Clone, PartialEq)]
pub struct Completed {
    /// Whose.
    pub job: Job,
    /// All pictures, also those that were withheld or lost.
    pub images: Vec<Image>,
    /// What the provider said, if it was asked for words.
    pub texts: Vec<String>,
    /// What it cost.
    pub cost: Usd,
    /// When.
    pub at: Timestamp,
}

/// No picture is ours. The other end of every accepted request, and the answer to every request
/// that was not accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Failed {
    /// Its name.
    pub id: GenerationId,
    /// Its owner.
    pub tenant: Tenant,
    /// The requester's name for it, as far as it could be read.
    pub custom_id: Option<String>,
    /// What was asked for; none if it was refused at the door.
    pub job: Option<Job>,
    /// Why.
    pub failure: Failure,
    /// What it cost all the same.
    pub cost: Usd,
    /// When.
    pub at: Timestamp,
}

/// Every picture is ready or has failed, derivatives and all.
#[derive(Debug, Clone, PartialEq)]
pub struct Ready {
    /// Whose.
    pub job: Job,
    /// All pictures with their derivatives.
    pub images: Vec<Image>,
    /// What the provider said, if it was asked for words.
    pub texts: Vec<String>,
    /// What it cost.
    pub cost: Usd,
    /// When.
    pub at: Timestamp,
}

/// The derivatives of one picture are in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageReady {
    /// Whose.
    pub job: Job,
    /// The picture with its derivatives.
    pub image: Image,
    /// The order of new cuts that it answers; none for the first cuts.
    pub derivation: Option<DerivationId>,
    /// When.
    pub at: Timestamp,
}

/// One picture is stored and cannot be cut.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageFailed {
    /// Whose.
    pub job: Job,
    /// The picture, with the reason in `error`.
    pub image: Image,
    /// When.
    pub at: Timestamp,
}

/// A picture that was paid for turned up where none is delivered: late, or of a generation that
/// failed. It is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRecovered {
    /// Whose.
    pub job: Job,
    /// The picture.
    pub image: Image,
    /// When.
    pub at: Timestamp,
}

/// More cuts of a stored picture are asked for. Never an entry of the log, but work to do.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRecut {
    /// Whose.
    pub job: Job,
    /// The picture with the derivatives it has.
    pub image: Image,
    /// Which order it belongs to.
    pub derivation: DerivationId,
    /// What to cut.
    pub presets: Vec<PresetChoice>,
    /// When.
    pub at: Timestamp,
}

/// A picture is to be deleted, with all that was cut from it. Cannot be taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetExpired {
    /// Of which generation.
    pub id: GenerationId,
    /// Whose.
    pub tenant: Tenant,
    /// Which picture.
    pub image: ImageId,
    /// Why: `retention`, `erasure`, `replaced`.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A picture is gone from the store, with all that was cut from it.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetDeleted {
    /// Of which generation.
    pub id: GenerationId,
    /// Whose.
    pub tenant: Tenant,
    /// Which picture.
    pub image: ImageId,
    /// Why: as its `expired` says.
    pub reason: String,
    /// What was removed, by its name in the store.
    pub keys: Vec<String>,
    /// How many bytes that were.
    pub bytes: u64,
    /// When.
    pub at: Timestamp,
}

/// The provider says by itself that it knows of an attempt. Never an entry of the ledger, but a
/// reason to look: only what the provider answers when asked is believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Announced {
    /// Whose generation.
    pub id: GenerationId,
    /// The attempt's own token, as its `calling` has it.
    pub token: String,
    /// The provider's name for it.
    pub provider_id: String,
    /// When.
    pub at: Timestamp,
}

/// The provider account is left alone; everything that needs it waits.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderParked {
    /// Which account.
    pub account: String,
    /// Why.
    pub hold: Hold,
    /// For people: what happened, and what reopens it.
    pub message: String,
    /// How many requests wait.
    pub jobs: u64,
    /// What they may cost together.
    pub reserved: Usd,
    /// When.
    pub at: Timestamp,
}

/// The provider account serves again.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderResumed {
    /// Which account.
    pub account: String,
    /// What had held it back.
    pub hold: Hold,
    /// Since when.
    pub since: Timestamp,
    /// When.
    pub at: Timestamp,
}

/// What the provider billed over a time is not what the ledger has.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderDiscrepancy {
    /// Which account.
    pub account: String,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// What the provider says that it billed.
    pub billed: Usd,
    /// What the ledger has as settled.
    pub settled: Usd,
    /// What the ledger has as unknown.
    pub unknown: Usd,
    /// The generations whose outcome is unknown.
    pub candidates: Vec<GenerationId>,
    /// When.
    pub at: Timestamp,
}

/// A budget is nearly used up, or is.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetNotice {
    /// Whose budget.
    pub scope: Scope,
    /// `day` or `total`.
    pub window: String,
    /// What may be spent.
    pub limit: Usd,
    /// What is settled, reserved and in doubt.
    pub used: Usd,
    /// When.
    pub at: Timestamp,
}

/// A receiver took the news.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationDelivered {
    /// The `webhook-id` of the news, which is the id of the event it tells of.
    pub event_id: String,
    /// Of which generation it tells.
    pub id: GenerationId,
    /// Which receiver: a short hash of its URL.
    pub endpoint: String,
    /// What the receiver answered.
    pub status: u16,
    /// How many attempts it took, from 1.
    pub attempts: u32,
    /// When.
    pub at: Timestamp,
}

/// A receiver did not take the news in all attempts.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationFailed {
    /// The `webhook-id` of the news.
    pub event_id: String,
    /// Of which generation it tells.
    pub id: GenerationId,
    /// Which receiver: a short hash of its URL.
    pub endpoint: String,
    /// How many attempts were made.
    pub attempts: u32,
    /// What went wrong last.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

impl Event {
    /// Its type, as subjects and `ce-type` say it: `generation.completed`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "generation.accepted",
            Self::Calling(_) => "generation.calling",
            Self::Submitted(_) => "generation.submitted",
            Self::Unknown(_) => "generation.unknown",
            Self::Parked(_) => "generation.parked",
            Self::Rendered(_) => "generation.rendered",
            Self::Completed(_) => "generation.completed",
            Self::Failed(_) => "generation.failed",
            Self::Ready(_) => "generation.ready",
            Self::ImageReady(_) => "image.ready",
            Self::ImageFailed(_) => "image.failed",
            Self::ImageRecovered(_) => "image.recovered",
            Self::ImageRecut(_) => "image.recut",
            Self::AssetExpired(_) => "asset.expired",
            Self::AssetDeleted(_) => "asset.deleted",
            Self::Announced(_) => "generation.announced",
            Self::ProviderParked(_) => "provider.parked",
            Self::ProviderResumed(_) => "provider.resumed",
            Self::ProviderDiscrepancy(_) => "provider.discrepancy",
            Self::BudgetWarning(_) => "budget.warning",
            Self::BudgetExhausted(_) => "budget.exhausted",
            Self::NotificationDelivered(_) => "notification.delivered",
            Self::NotificationFailed(_) => "notification.failed",
        }
    }

    /// The generation it belongs to, if it belongs to one.
    #[must_use]
    pub fn generation(&self) -> Option<GenerationId> {
        let id = match self {
            Self::Accepted(event) => event.job.id,
            Self::Calling(event) => event.id,
            Self::Submitted(event) => event.id,
            Self::Unknown(event) => event.id,
            Self::Parked(event) => event.id,
            Self::Rendered(event) => event.job.id,
            Self::Completed(event) => event.job.id,
            Self::Failed(event) => event.id,
            Self::Ready(event) => event.job.id,
            Self::ImageReady(event) => event.job.id,
            Self::ImageFailed(event) => event.job.id,
            Self::ImageRecovered(event) => event.job.id,
            Self::ImageRecut(event) => event.job.id,
            Self::AssetExpired(event) => event.id,
            Self::AssetDeleted(event) => event.id,
            Self::Announced(event) => event.id,
            Self::NotificationDelivered(event) => event.id,
            Self::NotificationFailed(event) => event.id,
            Self::ProviderParked(_)
            | Self::ProviderResumed(_)
            | Self::ProviderDiscrepancy(_)
            | Self::BudgetWarning(_)
            | Self::BudgetExhausted(_) => return None,
        };
        Some(id)
    }

    /// The job it carries, if it carries one.
    #[must_use]
    pub const fn job(&self) -> Option<&Job> {
        match self {
            Self::Accepted(event) => Some(&event.job),
            Self::Rendered(event) => Some(&event.job),
            Self::Completed(event) => Some(&event.job),
            Self::Failed(event) => event.job.as_ref(),
            Self::Ready(event) => Some(&event.job),
            Self::ImageReady(event) => Some(&event.job),
            Self::ImageFailed(event) => Some(&event.job),
            Self::ImageRecovered(event) => Some(&event.job),
            Self::ImageRecut(event) => Some(&event.job),
            _ => None,
        }
    }

    /// The last token of its subject: what the fact is about.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::ImageReady(event) => event.image.id.to_string(),
            Self::ImageFailed(event) => event.image.id.to_string(),
            Self::ImageRecovered(event) => event.image.id.to_string(),
            Self::ImageRecut(event) => format!("{}-{}", event.image.id, event.derivation),
            Self::AssetExpired(event) => event.image.to_string(),
            Self::AssetDeleted(event) => event.image.to_string(),
            Self::ProviderParked(event) => event.account.clone(),
            Self::ProviderResumed(event) => event.account.clone(),
            Self::ProviderDiscrepancy(event) => event.account.clone(),
            Self::BudgetWarning(event) | Self::BudgetExhausted(event) => event.scope.token(),
            Self::NotificationDelivered(NotificationDelivered {
                event_id, endpoint, ..
            })
            | Self::NotificationFailed(NotificationFailed {
                event_id, endpoint, ..
            }) => {
                format!("{event_id}-{endpoint}")
            }
            _ => self
                .generation()
                .map_or_else(String::new, |id| id.to_string()),
        }
    }

    /// Its identity from end to end (`ce-id`, `Nats-Msg-Id`, `webhook-id`): the same fact told
    /// twice has the same id. Without dots, which Standard Webhooks forbids.
    #[must_use]
    pub fn id(&self) -> String {
        let name = self.name().replace('.', "-");
        match self {
            Self::Calling(event) => format!("{name}-{}-{}", event.id, event.token),
            Self::Submitted(event) => format!("{name}-{}-{}", event.id, event.attempt),
            // A later attempt may be drawn, and an earlier one turn up after all.
            Self::Rendered(event) => format!("{name}-{}-{}", event.job.id, event.attempt),
            Self::Parked(Parked { id, at, .. }) | Self::Unknown(Unknown { id, at, .. }) => {
                format!("{name}-{id}-{}", at.as_millisecond())
            }
            Self::ImageReady(event) => match event.derivation {
                Some(derivation) => format!("{name}-{}-{derivation}", event.image.id),
                None => format!("{name}-{}", event.image.id),
            },
            // The provider may be wrong, and right a moment later. Its names may have dots.
            Self::Announced(event) => {
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                let provider_id = event.provider_id.replace(|c| !plain(c), "_");
                format!("{name}-{}-{}-{provider_id}", event.id, event.token)
            }
            Self::ProviderParked(ProviderParked { at, .. })
            | Self::ProviderResumed(ProviderResumed { at, .. })
            | Self::ProviderDiscrepancy(ProviderDiscrepancy { at, .. })
            | Self::BudgetWarning(BudgetNotice { at, .. })
            | Self::BudgetExhausted(BudgetNotice { at, .. }) => {
                format!("{name}-{}-{}", self.key(), at.as_millisecond())
            }
            _ => format!("{name}-{}", self.key()),
        }
    }

    /// Whether it is the end of its generation: nothing is bought or stored after it.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed(_) | Self::Failed(_))
    }

    /// The picture it is about, if it is about one.
    #[must_use]
    pub fn image(&self) -> Option<ImageId> {
        match self {
            Self::ImageReady(event) => Some(event.image.id),
            Self::ImageFailed(event) => Some(event.image.id),
            Self::ImageRecovered(event) => Some(event.image.id),
            Self::ImageRecut(event) => Some(event.image.id),
            Self::AssetExpired(event) => Some(event.image),
            Self::AssetDeleted(event) => Some(event.image),
            _ => None,
        }
    }
}

macro_rules! each {
    ($($type:ident)*; boxed $($boxed:ident)*) => {
        $(impl From<$type> for Event {
            fn from(event: $type) -> Self {
                Self::$type(event)
            }
        }
        impl TryFrom<Event> for $type {
            type Error = Box<Event>;

            fn try_from(event: Event) -> Result<Self, Box<Event>> {
                match event { Event::$type(event) => Ok(event), other => Err(Box::new(other)) }
            }
        })*
        $(impl From<$boxed> for Event {
            fn from(event: $boxed) -> Self {
                Self::$boxed(Box::new(event))
            }
        }
        impl TryFrom<Event> for $boxed {
            type Error = Box<Event>;

            fn try_from(event: Event) -> Result<Self, Box<Event>> {
                match event { Event::$boxed(event) => Ok(*event), other => Err(Box::new(other)) }
            }
        })*
    };
}
each!(Calling Submitted Unknown Parked Announced ProviderParked ProviderResumed ProviderDiscrepancy
    AssetExpired AssetDeleted NotificationDelivered NotificationFailed;
    boxed Accepted Rendered Completed Failed Ready ImageReady ImageFailed ImageRecovered ImageRecut);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_announced_by_another_name_is_another_fact() -> anyhow::Result<()> {
        let id = "gen_01jdx2m0ghe3s8kfvhnc4pcprw".parse()?;
        let announced = |provider_id: &str| {
            Event::from(Announced {
                id,
                token: "t0".to_owned(),
                provider_id: provider_id.to_owned(),
                at: Timestamp::UNIX_EPOCH,
            })
            .id()
        };

        assert_eq!(
            announced("x.9_-"),
            format!("generation-announced-{id}-t0-x_9_-")
        );
        assert_ne!(announced("x"), announced("y"));
        Ok(())
    }
}
