use domain::{AssetDeleted, AssetExpired, Event, ImageRecut};

use crate::read::{part, time, value};
use crate::{DecodeError, v1};

impl From<&ImageRecut> for v1::ImageRecut {
    fn from(event: &ImageRecut) -> Self {
        Self {
            job: Some((&event.job).into()),
            image: Some((&event.image).into()),
            derivation: event.derivation.to_string(),
            presets: event.presets.iter().map(Into::into).collect(),
            at: event.at.to_string(),
        }
    }
}

impl v1::ImageRecut {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(ImageRecut {
            job: part("job", self.job)?.try_into()?,
            image: part("image", self.image)?.try_into()?,
            derivation: value("derivation", &self.derivation)?,
            presets: self.presets.into_iter().map(Into::into).collect(),
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&AssetExpired> for v1::AssetExpired {
    fn from(event: &AssetExpired) -> Self {
        Self {
            id: event.id.to_string(),
            tenant: event.tenant.to_string(),
            image: event.image.to_string(),
            reason: event.reason.clone(),
            at: event.at.to_string(),
        }
    }
}

impl v1::AssetExpired {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(AssetExpired {
            id: value("id", &self.id)?,
            tenant: value("tenant", &self.tenant)?,
            image: value("image", &self.image)?,
            reason: self.reason,
            at: time("at", &self.at)?,
        }))
    }
}

impl From<&AssetDeleted> for v1::AssetDeleted {
    fn from(event: &AssetDeleted) -> Self {
        Self {
            id: event.id.to_string(),
            tenant: event.tenant.to_string(),
            image: event.image.to_string(),
            reason: event.reason.clone(),
            keys: event.keys.clone(),
            bytes: event.bytes,
            at: event.at.to_string(),
        }
    }
}

impl v1::AssetDeleted {
    pub(crate) fn into_event(self) -> Result<Event, DecodeError> {
        Ok(Event::from(AssetDeleted {
            id: value("id", &self.id)?,
            tenant: value("tenant", &self.tenant)?,
            image: value("image", &self.image)?,
            reason: self.reason,
            keys: self.keys,
            bytes: self.bytes,
            at: time("at", &self.at)?,
        }))
    }
}
