//! What is refused of pictures and operations before it costs anything.

use domain::{Operation, Origin, Pinned, ResolutionTier, Source, UpscaleFactor};

use super::*;

/// What is changed about a request.
type Change = fn(&mut Request);

fn source() -> Source {
    Source {
        origin: Origin::Url(Url::parse("https://a.test/kite.png").expect("a constant")),
        pinned: Some(Pinned {
            key: "sources/kite".to_owned(),
            sha256: "0".repeat(64),
            format: "png".to_owned(),
            bytes: 1_000,
            width: 1_000,
            height: 500,
        }),
    }
}

fn with_pinned(change: fn(&mut Pinned)) -> Source {
    let mut source = source();
    source.pinned.as_mut().into_iter().for_each(change);
    source
}

fn unpinned() -> Source {
    Source {
        pinned: None,
        ..source()
    }
}

fn request(operation: Operation, model: Model) -> Request {
    let mut request = kite(model);
    request.operation = operation;
    if operation != Operation::Generate {
        request.aspect_ratio = None;
        request.inputs.sources.push(source());
    }
    if !operation.needs_prompt() {
        request.prompt.clear();
    }
    request
}

#[test]
fn what_a_route_cannot_say_is_refused_by_our_name_for_it() {
    use Operation::{
        Describe, Edit, Generate, Reframe, Remix, RemoveBackground, ReplaceBackground, Upscale,
    };
    #[rustfmt::skip]
    let table: &[(Operation, Model, Change, &str)] = &[
        // The operation and the model.
        (Reframe, Model::V45, |_| {}, "model"),
        (Edit, Model::V1, |_| {}, "model"),
        (Upscale, Model::V3, |_| {}, "model"),
        (Generate, Model::TopazBloom2, |_| {}, "model"),
        // What must be there.
        (Edit, Model::V3, |_| {}, "mask"),
        (Edit, Model::V2, |_| {}, "mask"),
        (Edit, Model::V45, |r| r.inputs.sources.clear(), "sourceImages"),
        (Generate, Model::V45, |r| r.inputs.mask = Some(source()), "sourceImages"),
        (Edit, Model::V45, |r| r.prompt.clear(), "prompt"),
        (Reframe, Model::V3, |_| {}, "aspectRatio"),
        (Reframe, Model::NanoBanana2, |_| {}, "aspectRatio"),
        // Words where there are none, or too many.
        (Describe, Model::V3, |r| r.prompt.push('x'), "prompt"),
        (Reframe, Model::V3, |r| r.prompt.push('x'), "prompt"),
        (RemoveBackground, Model::Auto, |r| r.prompt.push('x'), "prompt"),
        (Upscale, Model::TopazBloom2, |r| r.prompt = "x".repeat(1_025), "prompt"),
        (ReplaceBackground, Model::V3, |r| r.prompt = "é".repeat(4_001), "prompt"),
        (Remix, Model::V4, |r| r.magic_prompt = MagicPrompt::Off, "magicPrompt"),
        (Generate, Model::GptImage2, |r| r.magic_prompt = MagicPrompt::On, "magicPrompt"),
        // Numbers.
        (Remix, Model::V4, |r| r.seed = Some(7), "seed"),
        (ReplaceBackground, Model::GptImage2, |r| r.seed = Some(7), "seed"),
        (Upscale, Model::TopazStandard2, |r| r.seed = Some(7), "seed"),
        (Upscale, Model::Auto, |r| r.num_images = 2, "numImages"),
        (Reframe, Model::NanoBanana2, |r| { r.num_images = 5; r.aspect_ratio = Some(AspectRatio::SQUARE); }, "numImages"),
        (Edit, Model::V45, |r| r.image_weight = Some(5), "imageWeight"),
        (Upscale, Model::NanoBananaPro, |r| r.upscale_factor = Some(UpscaleFactor::X2), "upscaleFactor"),
        (Upscale, Model::Auto, |r| r.upscale_factor = Some(UpscaleFactor::X1), "upscaleFactor"),
        (Generate, Model::V3, |r| { r.transparent = true; r.upscale_factor = Some(UpscaleFactor::X8); }, "upscaleFactor"),
        (Generate, Model::V3, |r| r.upscale_factor = Some(UpscaleFactor::X2), "upscaleFactor"),
        (Generate, Model::V45, |r| r.quality = Some(Quality::VeryLow), "quality"),
        // Sizes.
        (Generate, Model::V3, |r| r.resolution_tier = Some(ResolutionTier::K2), "resolutionTier"),
        (Generate, Model::NanoBanana2, |r| r.resolution_tier = Some(ResolutionTier::K8), "resolutionTier"),
        (Generate, Model::Auto, |r| { r.resolution_tier = Some(ResolutionTier::K2); r.resolution = Some(Resolution { width: 64, height: 64 }); }, "resolutionTier"),
        (Generate, Model::NanoBananaPro, |r| r.aspect_ratio = Some(AspectRatio { width: 8, height: 1 }), "aspectRatio"),
        (Edit, Model::V45, |r| r.aspect_ratio = Some(AspectRatio::SQUARE), "aspectRatio"),
        (Edit, Model::V45, |r| r.resolution = Some(Resolution { width: 1024, height: 1024 }), "resolution"),
        (Generate, Model::V45, |r| { r.inputs.sources.push(source()); r.aspect_ratio = None; r.resolution = Some(Resolution { width: 1000, height: 1000 }); }, "resolution"),
        (Generate, Model::V45, |r| { r.inputs.sources.push(source()); r.inputs.mask = Some(source()); r.aspect_ratio = Some(AspectRatio { width: 2, height: 1 }); }, "aspectRatio"),
        (Remix, Model::V4, |r| { r.image_weight = Some(5); r.aspect_ratio = Some(AspectRatio::SQUARE); }, "imageWeight"),
        // What excludes what.
        (Generate, Model::V3, |r| { r.transparent = true; r.custom_model = Some("model/a/version/1".to_owned()); }, "customModel"),
        (Generate, Model::V3, |r| { r.transparent = true; r.inputs.character_reference = Some(source()); }, "characterReference"),
        (Generate, Model::V3, |r| { r.custom_model = Some("model/a/version/1".to_owned()); r.inputs.character_reference = Some(source()); }, "customModel"),
        (Generate, Model::V3, |r| { r.inputs.character_reference = Some(source()); r.style_preset = Some("AURA".to_owned()); }, "stylePreset"),
        (Generate, Model::V3, |r| { r.inputs.style_references.push(source()); r.style_preset = Some("AURA".to_owned()); }, "stylePreset"),
        (Generate, Model::V3, |r| { r.inputs.style_references.push(source()); r.style_codes.push("0a1b2c3d".to_owned()); }, "styleCodes"),
        (Generate, Model::V45, |r| r.transparent = true, "transparent"),
        (Upscale, Model::Auto, |r| r.transparent = true, "transparent"),
        // Pictures where none, or not so many, are taken.
        (Generate, Model::V3, |r| r.inputs.sources.push(source()), "sourceImages"),
        (Generate, Model::V45, |r| r.inputs.sources = vec![source(); 6], "sourceImages"),
        (Generate, Model::V45, |r| { r.inputs.sources = vec![source(); 5]; r.inputs.mask = Some(source()); }, "sourceImages"),
        (Edit, Model::V45, |r| { r.inputs.sources = vec![source(); 5]; r.inputs.mask = Some(source()); }, "sourceImages"),
        (Edit, Model::V45, |r| r.inputs.sources = vec![source(); 6], "sourceImages"),
        (Remix, Model::V3, |r| r.inputs.sources.push(source()), "sourceImages"),
        (Remix, Model::V3, |r| r.inputs.mask = Some(source()), "mask"),
        (Remix, Model::Auto, |r| r.inputs.style_references.push(source()), "styleReferences"),
        (Generate, Model::V3, |r| r.inputs.style_references = vec![source(); 11], "styleReferences"),
        (Generate, Model::V4, |r| r.inputs.character_reference = Some(source()), "characterReference"),
        (Generate, Model::V3, |r| r.inputs.character_mask = Some(source()), "characterReference"),
        // What the pictures are.
        (Describe, Model::V3, |r| r.inputs.sources = vec![with_pinned(|p| p.bytes = 10_000_001)], "sourceImages[0]"),
        (Edit, Model::V45, |r| r.inputs.sources.push(with_pinned(|p| p.format = "gif".to_owned())), "sourceImages[1]"),
        (Generate, Model::V45, |r| r.inputs.sources = vec![with_pinned(|p| p.width = 3_001)], "sourceImages[0]"),
        (Edit, Model::V45, |r| r.inputs.mask = Some(with_pinned(|p| p.width = 999)), "mask"),
        (Generate, Model::V3, |r| { r.inputs.character_reference = Some(source()); r.inputs.character_mask = Some(with_pinned(|p| p.height = 499)); }, "characterMask"),
        (Generate, Model::V3, |r| r.inputs.style_references.push(with_pinned(|p| p.bytes = 25_000_001)), "styleReferences[0]"),
    ];

    for (row, (operation, model, change, field)) in table.iter().enumerate() {
        let mut request = request(*operation, *model);
        change(&mut request);
        let call = plan(&request, Api::Auto);
        assert!(
            matches!(&call, Err(invalid) if invalid.field == *field),
            "row {row}: {operation} {model} {field}: {call:?}"
        );
    }
}

#[test]
fn a_reason_names_what_is_asked_and_what_to_do() -> anyhow::Result<()> {
    let reason = |operation, model, change: Change| -> anyhow::Result<String> {
        let mut request = request(operation, model);
        change(&mut request);
        Ok(refused(plan(&request, Api::Auto))?.to_string())
    };
    assert_eq!(
        reason(Operation::Remix, Model::V3, |r| {
            r.custom_model = Some("model/a/version/1".to_owned());
            r.style_type = Some("DESIGN".parse().expect("a constant"));
        })?,
        "`styleType`: remix by model V_3 with a customModel has no styleType; \
         models V_2 to V_3 have it"
    );
    assert_eq!(
        reason(Operation::Edit, Model::V45, |r| r.inputs.mask =
            Some(with_pinned(|p| p.width = 8)))?,
        "`mask`: is 8x500, but sourceImages[0] is 1000x500; both must have the same size"
    );
    assert_eq!(
        reason(Operation::ReplaceBackground, Model::V4, |_| {})?,
        "`model`: the configured API cannot replace-background with ideogram-4, \
         only with V_3, gpt-image-2"
    );
    Ok(())
}

/// The door checks what it can before the pictures are fetched.
#[test]
fn a_call_can_be_planned_before_its_pictures_are_there() -> anyhow::Result<()> {
    let mut request = request(Operation::Edit, Model::V3);
    request.inputs.sources = vec![unpinned()];
    request.inputs.mask = Some(unpinned());

    let call = plan(&request, Api::Auto)?;

    assert_eq!(call.files().len(), 2);
    assert_eq!(
        (call.resolution, call.upper_bound),
        (None, Some(Usd::from_micros(60_000)))
    );
    Ok(())
}

#[test]
fn a_picture_that_is_worked_on_keeps_or_multiplies_its_size() -> anyhow::Result<()> {
    for (operation, model, size) in [
        (Operation::Edit, Model::V45, Some("1000x500")),
        (Operation::ReplaceBackground, Model::V3, Some("1000x500")),
        (Operation::RemoveBackground, Model::Auto, Some("1000x500")),
        (Operation::Upscale, Model::TopazStandard2, Some("2000x1000")),
        (Operation::Upscale, Model::NanoBananaPro, None),
        (Operation::Remix, Model::V3, None),
        (Operation::Describe, Model::V4, None),
    ] {
        let call = plan(&request(operation, model), Api::Auto)?;
        let size = size.map(str::parse).transpose()?;
        assert_eq!(call.resolution, size, "{operation} {model}");
    }
    let mut cutout = request(Operation::Generate, Model::V3);
    cutout.transparent = true;
    cutout.upscale_factor = Some(UpscaleFactor::X2);
    let call = plan(&cutout, Api::Auto)?;
    assert_eq!(call.resolution, Some("2048x2048".parse()?));
    Ok(())
}

/// The provider then draws in the shape of the first one.
#[test]
fn a_drawing_from_pictures_is_told_a_shape_only_if_one_is_asked_for() -> anyhow::Result<()> {
    let mut request = kite(Model::V45);
    request.inputs.sources = vec![source()];
    let asked = sent(&plan(&request, Api::Auto)?)?;
    request.aspect_ratio = None;
    let left = sent(&plan(&request, Api::Auto)?)?;
    request.aspect_ratio = Some("16x9".parse()?);
    let wide = sent(&plan(&request, Api::Auto)?)?;

    assert_eq!(
        (&asked["size"], left.get("size")),
        (&json!("1024x1024"), None)
    );
    assert_eq!(wide["size"], "2560x1440", "720 is no multiple of 32");
    Ok(())
}

#[test]
fn a_source_goes_first_and_the_others_where_the_route_wants_them() -> anyhow::Result<()> {
    let mut edit = request(Operation::Edit, Model::V45);
    edit.inputs.sources = vec![source(); 3];
    edit.inputs.mask = Some(source());
    let mut gpt = edit.clone();
    gpt.model = Model::GptImage25Sunburst;

    let parts = |request| -> anyhow::Result<Vec<_>> {
        let call = plan(request, Api::Auto)?;
        let parts = call.files().iter();
        Ok(parts
            .map(|part| (part.field, part.role, part.polarity))
            .collect())
    };
    assert_eq!(
        parts(&edit)?,
        [
            ("image", Role::Source(0), None),
            ("reference_images", Role::Source(1), None),
            ("reference_images", Role::Source(2), None),
            ("mask", Role::Mask, Some(Polarity::BlackChanges)),
        ]
    );
    assert_eq!(
        parts(&gpt)?,
        [
            ("images", Role::Source(0), None),
            ("images", Role::Source(1), None),
            ("images", Role::Source(2), None),
            ("mask", Role::Mask, Some(Polarity::TransparentChanges)),
        ]
    );
    Ok(())
}

#[test]
fn what_nobody_published_and_nobody_can_be_asked_for_is_not_sent() -> anyhow::Result<()> {
    let mut request = kite(Model::V3);
    request.custom_model = Some("model/a/version/1".to_owned());

    let invalid = refused(plan(&request, Api::V1))?;
    assert_eq!(invalid.code, Code::PriceUnknown);

    let call = plan(&request, Api::V2)?;
    assert_eq!((call.upper_bound, call.is_quotable()), (None, true));
    Ok(())
}

#[test]
fn every_private_route_is_asked_privately_and_every_other_not() -> anyhow::Result<()> {
    for (operation, model, private, waits) in [
        (Operation::Remix, Model::V3, true, Some(true)),
        (Operation::RemoveBackground, Model::Auto, true, Some(true)),
        (Operation::ReplaceBackground, Model::V3, true, None),
        (Operation::Upscale, Model::TopazWonder35, true, Some(true)),
        (Operation::Describe, Model::V4, false, None),
    ] {
        let body = sent(&plan(&request(operation, model), Api::Auto)?)?;
        assert_eq!(body.get("private").is_some(), private, "{operation} {body}");
        assert_eq!(
            body.get("async").and_then(|v| v.as_bool()),
            waits,
            "{operation} {body}"
        );
    }
    let mut reframe = request(Operation::Reframe, Model::V3);
    reframe.aspect_ratio = Some(AspectRatio {
        width: 9,
        height: 16,
    });
    let body = sent(&plan(&reframe, Api::Auto)?)?;
    assert_eq!(
        body,
        json!({"resolution": "736x1312", "num_images": 1, "rendering_speed": "default", "async": true})
    );
    Ok(())
}
