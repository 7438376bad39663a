use domain::{Code, ColorPalette, Failure, Job, Request, WeightedColor};

use crate::read::{optional, time, value};
use crate::{DecodeError, v1};

impl From<&Job> for v1::Job {
    fn from(job: &Job) -> Self {
        let request = &job.request;
        Self {
            id: job.id.to_string(),
            tenant: job.tenant.to_string(),
            custom_id: job.custom_id.clone(),
            prompt: request.prompt.clone(),
            negative_prompt: request.negative_prompt.clone(),
            model: request.model.to_string(),
            style_type: request.style_type.map(|style| style.to_string()),
            aspect_ratio: request.aspect_ratio.map(|ratio| ratio.to_string()),
            resolution: request.resolution.map(|resolution| resolution.to_string()),
            magic_prompt: request.magic_prompt.to_string(),
            seed: request.seed.map(i64::from),
            num_images: request.num_images,
            rendering_speed: request.rendering_speed.map(|speed| speed.to_string()),
            quality: request.quality.map(|quality| quality.to_string()),
            color_palette: request.color_palette.as_ref().map(Into::into),
            style_preset: request.style_preset.clone(),
            style_codes: request.style_codes.clone(),
            presets: request.presets.clone(),
            campaign: request.campaign.clone(),
            tags: request.tags.clone(),
            metadata: request.metadata.clone(),
            lane: request.lane.to_string(),
            deadline: request.deadline.map(|deadline| deadline.to_string()),
            provider: job.provider.clone(),
            simulated: job.simulated,
            accepted_at: job.accepted_at.to_string(),
            callback: job.callback,
        }
    }
}

impl TryFrom<v1::Job> for Job {
    type Error = DecodeError;

    fn try_from(job: v1::Job) -> Result<Self, DecodeError> {
        Ok(Self {
            id: value("job.id", &job.id)?,
            tenant: value("job.tenant", &job.tenant)?,
            custom_id: job.custom_id,
            request: Request {
                prompt: job.prompt,
                negative_prompt: job.negative_prompt,
                model: value("job.model", &job.model)?,
                style_type: optional("job.styleType", job.style_type.as_deref())?,
                aspect_ratio: optional("job.aspectRatio", job.aspect_ratio.as_deref())?,
                resolution: optional("job.resolution", job.resolution.as_deref())?,
                magic_prompt: value("job.magicPrompt", &job.magic_prompt)?,
                seed: job
                    .seed
                    .map(|seed| value("job.seed", &seed.to_string()))
                    .transpose()?,
                num_images: job.num_images,
                rendering_speed: optional("job.renderingSpeed", job.rendering_speed.as_deref())?,
                quality: optional("job.quality", job.quality.as_deref())?,
                color_palette: job.color_palette.map(Into::into),
                style_preset: job.style_preset,
                style_codes: job.style_codes,
                presets: job.presets,
                campaign: job.campaign,
                tags: job.tags,
                metadata: job.metadata,
                lane: value("job.lane", &job.lane)?,
                deadline: optional("job.deadline", job.deadline.as_deref())?,
            },
            provider: job.provider,
            simulated: job.simulated,
            accepted_at: time("job.acceptedAt", &job.accepted_at)?,
            callback: job.callback,
        })
    }
}

impl From<&ColorPalette> for v1::ColorPalette {
    fn from(palette: &ColorPalette) -> Self {
        let member = |color: &WeightedColor| v1::ColorMember {
            color_hex: color.hex.clone(),
            color_weight: color.weight,
        };
        match palette {
            ColorPalette::Preset(name) => Self {
                name: Some(name.clone()),
                members: Vec::new(),
            },
            ColorPalette::Colors(colors) => Self {
                name: None,
                members: colors.iter().map(member).collect(),
            },
        }
    }
}

impl From<v1::ColorPalette> for ColorPalette {
    fn from(palette: v1::ColorPalette) -> Self {
        let color = |member: v1::ColorMember| WeightedColor {
            hex: member.color_hex,
            weight: member.color_weight,
        };
        match palette.name {
            Some(name) => Self::Preset(name),
            None => Self::Colors(palette.members.into_iter().map(color).collect()),
        }
    }
}

impl From<&Failure> for v1::Failure {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.code.to_string(),
            message: failure.message.clone(),
            phase: failure.phase.to_string(),
            billed: failure.billed.to_string(),
            retryable: failure.code.is_retryable(),
        }
    }
}

impl TryFrom<v1::Failure> for Failure {
    type Error = DecodeError;

    fn try_from(failure: v1::Failure) -> Result<Self, DecodeError> {
        Ok(Self {
            // A code of tomorrow is an internal matter to us, and keeps its message.
            code: failure.code.parse().unwrap_or(Code::Internal),
            message: failure.message,
            phase: value("error.phase", &failure.phase)?,
            billed: value("error.billed", &failure.billed)?,
        })
    }
}
