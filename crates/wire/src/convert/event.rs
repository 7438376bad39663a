use domain::{
    Accepted, Calling, Completed, Event, Failed, ImageFailed, ImageReady, ImageRecovered,
    NotificationDelivered, NotificationFailed, Parked, Ready, Rendered, RenderedImage, Submitted,
    Unknown,
};
use url::Url;

use super::image::images;
use crate::read::{optional, part, time, usd, value};
use crate::{DecodeError, v1};

impl From<&Accepted> for v1::GenerationAccepted {
    fn from(event: &Accepted) -> Self {
        Self {
            job: Some((&event.job).into()),
            callback_url: event.callback_url.as_ref().map(Url::to_string),
            reserved_usd_micros: event.reserved.micros(),
        }
    }
}

impl v1::GenerationAccepted {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(Accepted {
            job: part("job", self.job)?.try_into()?,
            callback_url: optional("callbackUrl", self.callback_url.as_deref())?,
            reserved: usd(self.reserved_usd_micros),
        }))
    }
}

impl From<&Calling> for v1::GenerationCalling {
    fn from(event: &Calling) -> Self {
        Self {
            id: event.id.to_string(),
            attempt: event.attempt,
            token: event.token.clone(),
            route: event.route.clone(),
            images: event.images,
            reserved_usd_micros: event.reserved.micros(),
            at: event.at.to_string(),
        }
    }
}

impl v1::GenerationCalling {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(Calling {
            id: value("id", &self.id)?,
            attempt: self.attempt,
            token: self.token,
            route: self.route,
            images: self.images,
            reserved: usd(self.reserved_usd_micros),
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&Submitted> for v1::GenerationSubmitted {
    fn from(event: &Submitted) -> Self {
        Self {
            id: event.id.to_string(),
            attempt: event.attempt,
            provider_id: event.provider_id.clone(),
            at: event.at.to_string(),
        }
    }
}

impl v1::GenerationSubmitted {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(Submitted {
            id: value("id", &self.id)?,
            attempt: self.attempt,
            provider_id: self.provider_id,
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&Unknown> for v1::GenerationUnknown {
    fn from(event: &Unknown) -> Self {
        Self {
            id: event.id.to_string(),
            attempt: event.attempt,
            reason: event.reason.clone(),
            reserved_usd_micros: event.reserved.micros(),
            at: event.at.to_string(),
        }
    }
}

impl v1::GenerationUnknown {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(Unknown {
            id: value("id", &self.id)?,
            attempt: self.attempt,
            reason: self.reason,
            reserved: usd(self.reserved_usd_micros),
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&Parked> for v1::GenerationParked {
    fn from(event: &Parked) -> Self {
        Self {
            id: event.id.to_string(),
            reason: event.reason.clone(),
            at: event.at.to_string(),
            failures: event.failures,
            until: event.until.map(|until| until.to_string()),
            in_doubt: event.in_doubt,
            doubted_attempt: event.doubted,
        }
    }
}

impl v1::GenerationParked {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(Parked {
            id: value("id", &self.id)?,
            reason: self.reason,
            failures: self.failures,
            until: optional("until", self.until.as_deref())?,
            in_doubt: self.in_doubt,
            doubted: self.doubted_attempt,
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&Rendered> for v1::GenerationRendered {
    fn from(event: &Rendered) -> Self {
        let image = |image: &RenderedImage| v1::RenderedImage {
            index: image.index,
            link: image.link.as_ref().map(Url::to_string),
            seed: image.seed,
            prompt: image.prompt.clone(),
        };
        Self {
            job: Some((&event.job).into()),
            attempt: event.attempt,
            provider_id: event.provider_id.clone(),
            images: event.images.iter().map(image).collect(),
            expires_at: event.expires_at.to_string(),
            cost_usd_micros: event.cost.micros(),
            at: event.at.to_string(),
            texts: event.texts.clone(),
            late: event.late,
        }
    }
}

impl v1::GenerationRendered {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        let image = |image: v1::RenderedImage| {
            Ok(RenderedImage {
                index: image.index,
                link: optional("link", image.link.as_deref())?,
                seed: image.seed,
                prompt: image.prompt,
            })
        };
        Ok(Event::from(Rendered {
            job: part("job", self.job)?.try_into()?,
            attempt: self.attempt,
            provider_id: self.provider_id,
            images: self
                .images
                .into_iter()
                .map(image)
                .collect::<Result<_, DecodeError>>()?,
            texts: self.texts,
            late: self.late,
            expires_at: time("expiresAt", &self.expires_at)?,
            cost: usd(self.cost_usd_micros),
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&Completed> for v1::GenerationCompleted {
    fn from(event: &Completed) -> Self {
        Self {
            job: Some((&event.job).into()),
            images: event.images.iter().map(Into::into).collect(),
            cost_usd_micros: event.cost.micros(),
            at: event.at.to_string(),
            texts: event.texts.clone(),
        }
    }
}

impl v1::GenerationCompleted {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(Completed {
            job: part("job", self.job)?.try_into()?,
            images: images(self.images)?,
            texts: self.texts,
            cost: usd(self.cost_usd_micros),
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&Failed> for v1::GenerationFailed {
    fn from(event: &Failed) -> Self {
        Self {
            id: event.id.to_string(),
            tenant: event.tenant.to_string(),
            custom_id: event.custom_id.clone(),
            job: event.job.as_ref().map(Into::into),
            error: Some((&event.failure).into()),
            cost_usd_micros: event.cost.micros(),
            at: event.at.to_string(),
        }
    }
}

impl v1::GenerationFailed {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(Failed {
            id: value("id", &self.id)?,
            tenant: value("tenant", &self.tenant)?,
            custom_id: self.custom_id,
            job: self.job.map(TryInto::try_into).transpose()?,
            failure: part("error", self.error)?.try_into()?,
            cost: usd(self.cost_usd_micros),
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&Ready> for v1::GenerationReady {
    fn from(event: &Ready) -> Self {
        Self {
            job: Some((&event.job).into()),
            images: event.images.iter().map(Into::into).collect(),
            cost_usd_micros: event.cost.micros(),
            at: event.at.to_string(),
            texts: event.texts.clone(),
        }
    }
}

impl v1::GenerationReady {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(Ready {
            job: part("job", self.job)?.try_into()?,
            images: images(self.images)?,
            texts: self.texts,
            cost: usd(self.cost_usd_micros),
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&ImageReady> for v1::ImageReady {
    fn from(event: &ImageReady) -> Self {
        Self {
            job: Some((&event.job).into()),
            image: Some((&event.image).into()),
            at: event.at.to_string(),
            derivation: event.derivation.map(|id| id.to_string()),
        }
    }
}

impl v1::ImageReady {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(ImageReady {
            job: part("job", self.job)?.try_into()?,
            image: part("image", self.image)?.try_into()?,
            at: time("at", &self.at)?,
            derivation: optional("derivation", self.derivation.as_deref())?,
        }))
    }
}

impl From<&ImageFailed> for v1::ImageFailed {
    fn from(event: &ImageFailed) -> Self {
        Self {
            job: Some((&event.job).into()),
            image: Some((&event.image).into()),
            at: event.at.to_string(),
        }
    }
}

impl v1::ImageFailed {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(ImageFailed {
            job: part("job", self.job)?.try_into()?,
            image: part("image", self.image)?.try_into()?,
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&ImageRecovered> for v1::ImageRecovered {
    fn from(event: &ImageRecovered) -> Self {
        Self {
            job: Some((&event.job).into()),
            image: Some((&event.image).into()),
            at: event.at.to_string(),
        }
    }
}

impl v1::ImageRecovered {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(ImageRecovered {
            job: part("job", self.job)?.try_into()?,
            image: part("image", self.image)?.try_into()?,
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&NotificationDelivered> for v1::NotificationDelivered {
    fn from(event: &NotificationDelivered) -> Self {
        Self {
            event_id: event.event_id.clone(),
            id: event.id.to_string(),
            endpoint: event.endpoint.clone(),
            status: event.status.into(),
            attempts: event.attempts,
            at: event.at.to_string(),
        }
    }
}

impl v1::NotificationDelivered {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(NotificationDelivered {
            event_id: self.event_id,
            id: value("id", &self.id)?,
            endpoint: self.endpoint,
            status: value("status", &self.status.to_string())?,
            attempts: self.attempts,
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&NotificationFailed> for v1::NotificationFailed {
    fn from(event: &NotificationFailed) -> Self {
        Self {
            event_id: event.event_id.clone(),
            id: event.id.to_string(),
            endpoint: event.endpoint.clone(),
            attempts: event.attempts,
            reason: event.reason.clone(),
            at: event.at.to_string(),
        }
    }
}

impl v1::NotificationFailed {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(NotificationFailed {
            event_id: self.event_id,
            id: value("id", &self.id)?,
            endpoint: self.endpoint,
            attempts: self.attempts,
            reason: self.reason,
            at: time("at", &self.at)?,
        }))
    }
}
