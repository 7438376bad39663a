//! A job as the request that asks for it again.

use domain::{Job, Source};
use jiff::Timestamp;
use url::Url;
use wire::v1;

/// What `job` asked for, as a new request. Left out are its `customId`, which names what has failed,
/// and a deadline that is over at `now`, which would end it before it begins.
pub(crate) fn of(job: &Job, callback_url: Option<&Url>, now: Timestamp) -> v1::GenerationRequest {
    let request = job.request.clone();
    let inputs = &request.inputs;
    v1::GenerationRequest {
        prompt: Some(request.prompt),
        negative_prompt: request.negative_prompt,
        model: Some(request.model.to_string()),
        style_type: request.style_type.map(|style| style.to_string()),
        aspect_ratio: request.aspect_ratio.map(|ratio| ratio.to_string()),
        resolution: request.resolution.map(|size| size.to_string()),
        magic_prompt: Some(request.magic_prompt.to_string()),
        seed: request.seed.map(i64::from),
        num_images: Some(i64::from(request.num_images)),
        rendering_speed: request.rendering_speed.map(|speed| speed.to_string()),
        quality: request.quality.map(|quality| quality.to_string()),
        color_palette: request.color_palette.as_ref().map(Into::into),
        style_preset: request.style_preset,
        style_codes: request.style_codes,
        operation: Some(request.operation.to_string()),
        callback_url: callback_url.map(Url::to_string),
        presets: Some(request.presets.as_slice().into()),
        campaign: request.campaign,
        tags: request.tags,
        metadata: request.metadata.into_iter().collect(),
        lane: Some(request.lane.to_string()),
        on_duplicate: Some(request.on_duplicate.to_string()),
        on_withheld: Some(request.on_withheld.to_string()),
        on_unknown: Some(request.on_unknown.to_string()),
        deadline: request
            .deadline
            .filter(|deadline| *deadline > now)
            .map(|deadline| deadline.to_string()),
        custom_id: None,
        custom_model: request.custom_model,
        image_weight: request.image_weight.map(i64::from),
        upscale_factor: request.upscale_factor.map(|factor| factor.to_string()),
        resolution_tier: request.resolution_tier.map(|tier| tier.to_string()),
        transparent: Some(request.transparent),
        source_images: several(&inputs.sources),
        mask: inputs.mask.as_ref().map(origin),
        style_references: several(&inputs.style_references),
        character_reference: inputs.character_reference.as_ref().map(origin),
        character_mask: inputs.character_mask.as_ref().map(origin),
        retry_of: Some(job.id.to_string()),
    }
}

fn several(sources: &[Source]) -> Vec<String> {
    sources.iter().map(origin).collect()
}

fn origin(source: &Source) -> String {
    source.origin.to_string()
}

#[cfg(test)]
mod tests {
    use domain::{
        Admission, AspectRatio, ColorPalette, Draft, GenerationId, Inputs, Lane, MagicPrompt,
        Model, OnDuplicate, OnUnknown, OnWithheld, Operation, Origin, Pinned, Quality,
        RenderingSpeed, Request, ResolutionTier, StyleType, Tenant, UpscaleFactor, WeightedColor,
    };

    use super::*;

    fn source(pinned: bool) -> anyhow::Result<Source> {
        let pinned = pinned.then(|| Pinned {
            key: "sources/1".to_owned(),
            sha256: "00".to_owned(),
            format: "png".to_owned(),
            bytes: 1,
            width: 1,
            height: 1,
        });
        let origin: Origin = "https://pictures.example/kite.png".parse()?;
        Ok(Source { origin, pinned })
    }

    /// Every field is at a value that it has not by default.
    fn all(pinned: bool) -> anyhow::Result<Request> {
        Ok(Request {
            operation: Operation::Edit,
            prompt: "a red kite".to_owned(),
            negative_prompt: Some("clouds".to_owned()),
            model: Model::V3,
            style_type: Some(StyleType::Design),
            aspect_ratio: Some("16x9".parse::<AspectRatio>()?),
            resolution: None,
            magic_prompt: MagicPrompt::Off,
            seed: Some(7),
            num_images: 3,
            rendering_speed: Some(RenderingSpeed::Turbo),
            quality: Some(Quality::Low),
            color_palette: Some(ColorPalette::Colors(vec![WeightedColor {
                hex: "#FF0000".to_owned(),
                weight: Some(0.5),
            }])),
            style_preset: Some("WATERCOLOR".to_owned()),
            style_codes: vec!["0123abcd".to_owned()],
            custom_model: Some("model/mine/version/2".to_owned()),
            image_weight: Some(50),
            upscale_factor: Some(UpscaleFactor::X4),
            resolution_tier: Some(ResolutionTier::K4),
            transparent: true,
            inputs: Inputs {
                sources: vec![source(pinned)?, source(pinned)?],
                mask: Some(source(pinned)?),
                style_references: vec![source(pinned)?],
                character_reference: Some(source(pinned)?),
                character_mask: Some(source(pinned)?),
            },
            presets: vec!["instagram".into()],
            campaign: Some("summer".to_owned()),
            tags: vec!["sky".to_owned()],
            metadata: [("sku".to_owned(), "1".to_owned())].into(),
            lane: Lane::Background,
            deadline: Some("2100-01-01T00:00:00Z".parse()?),
            on_duplicate: OnDuplicate::Reuse,
            on_withheld: OnWithheld::Fail,
            on_unknown: OnUnknown::Retry,
        })
    }

    fn again(job: &Job, now: Timestamp) -> anyhow::Result<(Draft, Request)> {
        let callback: Url = "https://receiver.example/".parse()?;
        let draft = wire::draft(of(job, Some(&callback), now));
        let request = draft.resolve(&Admission::of(["og-image", "instagram"]))?;
        Ok((draft, request))
    }

    #[test]
    fn every_field_is_asked_for_again() -> anyhow::Result<()> {
        let id = GenerationId::generate();
        let job = Job {
            custom_id: Some("mine".to_owned()),
            ..Job::new(id, Tenant::default(), all(true)?, Timestamp::now())
        };
        let (draft, request) = again(&job, Timestamp::now())?;

        assert_eq!(request, all(false)?);
        assert_eq!(draft.retry_of()?, Some(id));
        assert_eq!(draft.custom_id()?, None);
        assert!(draft.callback_url()?.is_some());
        Ok(())
    }

    #[test]
    fn what_was_left_out_stays_left_out() -> anyhow::Result<()> {
        let plain = Request::new("a red kite");
        let late = Request {
            deadline: Some("2026-01-01T00:00:00Z".parse()?),
            ..plain.clone()
        };
        let job = Job::new(
            GenerationId::generate(),
            Tenant::default(),
            late,
            Timestamp::now(),
        );

        let (_, request) = again(&job, "2026-01-02T00:00:00Z".parse()?)?;
        assert_eq!(request, plain);
        Ok(())
    }
}
