//! A generation as people see it: what its events add up to.

use jiff::Timestamp;

use crate::failure::words;
use crate::{
    Accepted, AssetDeleted, Billed, Completed, Event, Failed, Failure, GenerationId, Image,
    ImageId, ImageState, Job, Phase, Ready, Tenant, Usd,
};

/// Where a generation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Will be served; waits for its turn.
    Accepted,
    /// At the provider, or on the way from there to our store.
    Running,
    /// Waits until the account can serve it.
    Parked,
    /// Sent, and the answer was lost; waits for a decision.
    Unknown,
    /// The originals are ours.
    Completed,
    /// The derivatives are too.
    Ready,
    /// Nothing came of it.
    Failed,
}

words!(Status: Accepted = "accepted", Running = "running", Parked = "parked", Unknown = "unknown",
    Completed = "completed", Ready = "ready", Failed = "failed");

impl Status {
    /// How far along it is: events may come twice and late, and a generation never goes back.
    const fn rank(self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::Parked | Self::Running | Self::Unknown => 1,
            Self::Completed => 2,
            Self::Ready | Self::Failed => 3,
        }
    }

    /// Whether nothing more will happen by itself.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Ready | Self::Failed)
    }
}

/// What a generation may cost and does cost.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// The most that it may cost.
    pub reserved: Usd,
    /// What the provider charged, once that is known.
    pub settled: Option<Usd>,
}

/// A request and all that has become of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Generation {
    /// Its name.
    pub id: GenerationId,
    /// Its owner.
    pub tenant: Tenant,
    /// The requester's name for it.
    pub custom_id: Option<String>,
    /// What was asked for; none if it was refused at the door.
    pub job: Option<Job>,
    /// Where it stands.
    pub status: Status,
    /// Its pictures, as far as there are any.
    pub images: Vec<Image>,
    /// What the provider said, if it was asked for words.
    pub texts: Vec<String>,
    /// What it costs.
    pub cost: Cost,
    /// Why nothing came of it, or why it waits.
    pub error: Option<Failure>,
    /// When it was accepted or refused.
    pub created_at: Timestamp,
    /// When its originals were stored.
    pub completed_at: Option<Timestamp>,
    /// When its derivatives were.
    pub ready_at: Option<Timestamp>,
}

impl Generation {
    /// What `events` of one generation add up to, in whatever order they come; `None` if they do
    /// not hold its beginning or its end.
    pub fn of(events: impl IntoIterator<Item = Event>) -> Option<Self> {
        events
            .into_iter()
            .fold(None, |generation, event| match generation {
                None => Self::begin(&event),
                Some(mut generation) => {
                    generation.apply(&event);
                    Some(generation)
                }
            })
    }

    /// The generation that `event` lets us know of, if it says enough: everything that carries the
    /// job does.
    #[must_use]
    pub fn begin(event: &Event) -> Option<Self> {
        let mut generation = match event {
            Event::Accepted(accepted) => Self::accepted(accepted),
            Event::Failed(failed) => Self::refused(failed),
            Event::Rendered(event) => Self::of_job(&event.job),
            Event::Completed(event) => Self::of_job(&event.job),
            Event::Ready(event) => Self::of_job(&event.job),
            Event::ImageReady(event) => Self::of_job(&event.job),
            Event::ImageFailed(event) => Self::of_job(&event.job),
            Event::ImageRecovered(event) => Self::of_job(&event.job),
            _ => return None,
        };
        generation.apply(event);
        Some(generation)
    }

    /// Takes note of `event`. Twice or late does no harm.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Accepted(event) => self.cost.reserved = event.reserved,
            Event::Calling(_) | Event::Submitted(_) => self.advance(Status::Running),
            Event::Rendered(event) => {
                if self.status.rank() < Status::Completed.rank() {
                    self.cost.settled = Some(event.cost);
                }
                self.advance(Status::Running);
            }
            Event::Parked(event) => {
                let billed = match event.in_doubt || event.doubted.is_some() {
                    true => Billed::Unknown,
                    false => Billed::No,
                };
                self.advance_with(Status::Parked, &event.reason, billed);
            }
            Event::Unknown(event) => {
                self.advance_with(Status::Unknown, &event.reason, Billed::Unknown);
            }
            Event::Completed(event) => self.complete(event),
            Event::Failed(event) => self.fail(event),
            Event::Ready(event) => self.ready(event),
            Event::ImageReady(event) => self.replace(&event.image),
            Event::ImageFailed(event) => self.replace(&event.image),
            Event::ImageRecovered(event) => self.replace(&event.image),
            Event::AssetDeleted(event) => self.forget(event),
            // Until it is deleted it can be had.
            Event::AssetExpired(_)
            | Event::ImageRecut(_)
            | Event::Announced(_)
            | Event::ProviderParked(_)
            | Event::ProviderResumed(_)
            | Event::ProviderDiscrepancy(_)
            | Event::BudgetWarning(_)
            | Event::BudgetExhausted(_)
            | Event::NotificationDelivered(_)
            | Event::NotificationFailed(_) => {}
        }
    }

    /// The picture of that name.
    #[must_use]
    pub fn image(&self, id: ImageId) -> Option<&Image> {
        self.images.iter().find(|image| image.id == id)
    }

    fn accepted(accepted: &Accepted) -> Self {
        Self {
            cost: Cost {
                reserved: accepted.reserved,
                settled: None,
            },
            ..Self::of_job(&accepted.job)
        }
    }

    fn of_job(job: &Job) -> Self {
        Self {
            id: job.id,
            tenant: job.tenant.clone(),
            custom_id: job.custom_id.clone(),
            job: Some(job.clone()),
            status: Status::Accepted,
            images: Vec::new(),
            texts: Vec::new(),
            cost: Cost::default(),
            error: None,
            created_at: job.accepted_at,
            completed_at: None,
            ready_at: None,
        }
    }

    fn refused(failed: &Failed) -> Self {
        Self {
            id: failed.id,
            tenant: failed.tenant.clone(),
            custom_id: failed.custom_id.clone(),
            job: failed.job.clone(),
            status: Status::Accepted,
            images: Vec::new(),
            texts: Vec::new(),
            cost: Cost::default(),
            error: None,
            created_at: failed.job.as_ref().map_or(failed.at, |job| job.accepted_at),
            completed_at: None,
            ready_at: None,
        }
    }

    fn advance(&mut self, status: Status) {
        if status.rank() >= self.status.rank() {
            self.status = status;
            self.error = None;
        }
    }

    fn advance_with(&mut self, status: Status, reason: &str, billed: Billed) {
        if status.rank() < self.status.rank() {
            return;
        }
        self.status = status;
        let code = match status {
            Status::Unknown => crate::Code::OutcomeUnknown,
            _ => crate::Code::ProviderUnavailable,
        };
        let message = reason.to_owned();
        self.error = Some(Failure {
            code,
            message,
            phase: Phase::Generation,
            billed,
        });
    }

    fn complete(&mut self, event: &Completed) {
        self.cost.settled = Some(event.cost);
        self.completed_at = Some(event.at);
        self.texts.clone_from(&event.texts);
        self.learn(&event.job);
        self.advance(Status::Completed);
        for image in &event.images {
            if self.image(image.id).is_none() {
                self.images.push(image.clone());
            }
        }
        self.images.sort_by_key(|image| image.index);
    }

    fn fail(&mut self, event: &Failed) {
        if self.status.rank() >= Status::Completed.rank() {
            return;
        }
        if let Some(job) = &event.job {
            self.learn(job);
        }
        self.status = Status::Failed;
        self.cost.settled = Some(event.cost);
        self.error = Some(event.failure.clone());
    }

    fn ready(&mut self, event: &Ready) {
        self.cost.settled = Some(event.cost);
        self.completed_at.get_or_insert(event.at);
        self.ready_at = Some(event.at);
        self.advance(Status::Ready);
        self.learn(&event.job);
        self.texts.clone_from(&event.texts);
        for image in &event.images {
            self.replace(image);
        }
    }

    /// What became known of the job only on its way. Whose images it got is surer than who asked for
    /// the same before.
    fn learn(&mut self, job: &Job) {
        if let Some(known) = &mut self.job {
            known.duplicate_of = job.duplicate_of.or(known.duplicate_of);
            known.simulated |= job.simulated;
        }
    }

    /// What was deleted stays known, but for where it was.
    fn forget(&mut self, event: &AssetDeleted) {
        let found = self.images.iter_mut().find(|known| known.id == event.image);
        if let Some(image) = found {
            image.state = ImageState::Deleted;
            image.key = None;
            image.url = None;
            image.derivatives.clear();
        }
    }

    /// Puts `image` in its place; what is known of it never becomes less, and what was deleted does
    /// not come back.
    fn replace(&mut self, image: &Image) {
        match self.images.iter_mut().find(|known| known.id == image.id) {
            Some(known) if known.state == ImageState::Deleted => {}
            Some(known) => known.clone_from(image),
            None => self.images.push(image.clone()),
        }
        self.images.sort_by_key(|image| image.index);
    }
}
