use domain::{Cost, Generation};

use super::image::images;
use crate::read::{optional, time, usd, value};
use crate::{DecodeError, v1};

impl From<&Generation> for v1::Generation {
    fn from(generation: &Generation) -> Self {
        Self {
            id: generation.id.to_string(),
            tenant: generation.tenant.to_string(),
            custom_id: generation.custom_id.clone(),
            job: generation.job.as_ref().map(Into::into),
            status: generation.status.to_string(),
            images: generation.images.iter().map(Into::into).collect(),
            reserved_usd_micros: generation.cost.reserved.micros(),
            settled_usd_micros: generation.cost.settled.map(domain::Usd::micros),
            error: generation.error.as_ref().map(Into::into),
            created_at: generation.created_at.to_string(),
            completed_at: generation.completed_at.map(|at| at.to_string()),
            ready_at: generation.ready_at.map(|at| at.to_string()),
            texts: generation.texts.clone(),
        }
    }
}

impl TryFrom<v1::Generation> for Generation {
    type Error = DecodeError;

    fn try_from(generation: v1::Generation) -> Result<Self, DecodeError> {
        Ok(Self {
            id: value("id", &generation.id)?,
            tenant: value("tenant", &generation.tenant)?,
            custom_id: generation.custom_id,
            job: generation.job.map(TryInto::try_into).transpose()?,
            status: value("status", &generation.status)?,
            images: images(generation.images)?,
            texts: generation.texts,
            cost: Cost {
                reserved: usd(generation.reserved_usd_micros),
                settled: generation.settled_usd_micros.map(usd),
            },
            error: generation.error.map(TryInto::try_into).transpose()?,
            created_at: time("createdAt", &generation.created_at)?,
            completed_at: optional("completedAt", generation.completed_at.as_deref())?,
            ready_at: optional("readyAt", generation.ready_at.as_deref())?,
        })
    }
}
