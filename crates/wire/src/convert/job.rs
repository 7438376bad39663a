use std::str::FromStr;

use domain::{
    Code, ColorPalette, Failure, Job, OnDuplicate, OnUnknown, OnWithheld, Operation, PresetChoice,
    Request, WeightedColor,
};

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
            presets: request.presets.iter().map(ToString::to_string).collect(),
            campaign: request.campaign.clone(),
            tags: request.tags.clone(),
            metadata: request.metadata.clone(),
            lane: request.lane.to_string(),
            deadline: request.deadline.map(|deadline| deadline.to_string()),
            provider: job.provider.clone(),
            simulated: job.simulated,
            accepted_at: job.accepted_at.to_string(),
            callback: job.callback,
            operation: request.operation.to_string(),
            custom_model: request.custom_model.clone(),
            image_weight: request.image_weight,
            upscale_factor: request.upscale_factor.map(|factor| factor.to_string()),
            resolution_tier: request.resolution_tier.map(|tier| tier.to_string()),
            transparent: request.transparent,
            inputs: (!request.inputs.is_empty()).then(|| (&request.inputs).into()),
            on_duplicate: request.on_duplicate.to_string(),
            on_withheld: request.on_withheld.to_string(),
            on_unknown: request.on_unknown.to_string(),
            api_key: job.api_key.clone(),
            retry_of: job.retry_of.map(|id| id.to_string()),
            duplicate_of: job.duplicate_of.map(|id| id.to_string()),
            preset_choices: match request.presets.iter().all(PresetChoice::is_plain) {
                true => Vec::new(),
                false => request.presets.iter().map(Into::into).collect(),
            },
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
                operation: word("job.operation", &job.operation, Operation::Generate)?,
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
                custom_model: job.custom_model,
                image_weight: job.image_weight,
                upscale_factor: optional("job.upscaleFactor", job.upscale_factor.as_deref())?,
                resolution_tier: optional("job.resolutionTier", job.resolution_tier.as_deref())?,
                transparent: job.transparent,
                inputs: job
                    .inputs
                    .map(TryInto::try_into)
                    .transpose()?
                    .unwrap_or_default(),
                presets: match job.preset_choices.is_empty() {
                    true => job
                        .presets
                        .iter()
                        .map(|name| name.as_str().into())
                        .collect(),
                    false => job.preset_choices.into_iter().map(Into::into).collect(),
                },
                campaign: job.campaign,
                tags: job.tags,
                metadata: job.metadata,
                lane: value("job.lane", &job.lane)?,
                deadline: optional("job.deadline", job.deadline.as_deref())?,
                on_duplicate: word("job.onDuplicate", &job.on_duplicate, OnDuplicate::Warn)?,
                on_withheld: word("job.onWithheld", &job.on_withheld, OnWithheld::Accept)?,
                on_unknown: word("job.onUnknown", &job.on_unknown, OnUnknown::Review)?,
            },
            provider: job.provider,
            simulated: job.simulated,
            accepted_at: time("job.acceptedAt", &job.accepted_at)?,
            callback: job.callback,
            api_key: job.api_key,
            retry_of: optional("job.retryOf", job.retry_of.as_deref())?,
            duplicate_of: optional("job.duplicateOf", job.duplicate_of.as_deref())?,
        })
    }
}

/// A word that events written before it existed do not have.
fn word<T: FromStr>(field: &'static str, text: &str, absent: T) -> Result<T, DecodeError>
where
    T::Err: std::fmt::Display,
{
    match text {
        "" => Ok(absent),
        text => value(field, text),
    }
}

impl From<&PresetChoice> for v1::PresetChoice {
    fn from(choice: &PresetChoice) -> Self {
        Self {
            preset: choice.preset.clone(),
            width: choice.width,
            height: choice.height,
            fit: choice.fit.clone(),
            gravity: choice.gravity.clone(),
            format: choice.format.clone(),
            quality: choice.quality,
            max_bytes: choice.max_bytes,
        }
    }
}

impl From<v1::PresetChoice> for PresetChoice {
    fn from(choice: v1::PresetChoice) -> Self {
        Self {
            preset: choice.preset,
            width: choice.width,
            height: choice.height,
            fit: choice.fit,
            gravity: choice.gravity,
            format: choice.format,
            quality: choice.quality,
            max_bytes: choice.max_bytes,
        }
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
