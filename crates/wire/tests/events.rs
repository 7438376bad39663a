//! Every event, with every field set, in both encodings: read back as it was, and in JSON exactly
//! as the golden files have it. `DARKROOM_REGENERATE=1` writes those anew.

use std::path::PathBuf;
use std::process::Command;

use domain::{
    Accepted, Announced, AspectRatio, AssetDeleted, AssetExpired, Billed, BudgetNotice, Calling,
    Code, ColorPalette, Completed, Derivative, Event, Failed, Failure, GenerationId, Hold, Image,
    ImageFailed, ImageId, ImageReady, ImageRecovered, ImageRecut, ImageState, Inputs, Job, Lane,
    MagicPrompt, Model, NotificationDelivered, NotificationFailed, OnDuplicate, OnUnknown,
    OnWithheld, Operation, Origin, Parked, Phase, Pinned, PresetChoice, ProviderDiscrepancy,
    ProviderParked, ProviderResumed, Quality, Ready, Rendered, RenderedImage, RenderingSpeed,
    Request, Resolution, ResolutionTier, Review, Scope, Source, StyleType, Submitted, Swatch,
    Tenant, Traits, Unknown, UpscaleFactor, Usd, WeightedColor,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;
use wire::{DecodeError, Encoding, decode, encode};

/// More than 2^53: what reads numbers as doubles loses it.
const LARGE: i64 = 9_007_199_254_740_993;

fn at() -> Timestamp {
    Timestamp::from_nanosecond(1_795_000_000_123_456_789).unwrap_or_default()
}

fn id() -> GenerationId {
    GenerationId::of_key(&Tenant::default(), "golden")
}

fn other() -> GenerationId {
    GenerationId::of_key(&Tenant::default(), "other")
}

fn inputs() -> Inputs {
    let source = |origin| Source {
        origin,
        pinned: Some(Pinned {
            key: "sources/0a/1b.png".to_owned(),
            sha256: "1b".repeat(32),
            format: "png".to_owned(),
            bytes: 1_234_567,
            width: 1024,
            height: 768,
        }),
    };
    let url = Url::parse("https://a.test/mask.png").map(Origin::Url);
    let fetched = || url.clone().map(source);
    let ours = || source(Origin::Image(ImageId::of(other(), 0)));
    Inputs {
        sources: fetched().into_iter().chain([ours()]).collect(),
        mask: fetched().ok(),
        style_references: vec![ours()],
        character_reference: Some(ours()),
        character_mask: fetched().ok(),
    }
}

fn job() -> Job {
    let color = |hex: &str, weight| WeightedColor {
        hex: hex.to_owned(),
        weight,
    };
    Job {
        id: id(),
        tenant: Tenant::default(),
        custom_id: Some("order-7".to_owned()),
        request: Request {
            operation: Operation::Edit,
            prompt: "ein Füchslein \"im Schnee\" 🦊".to_owned(),
            negative_prompt: Some("text".to_owned()),
            model: Model::V45,
            style_type: Some(StyleType::Render3D),
            aspect_ratio: Some(AspectRatio {
                width: 16,
                height: 9,
            }),
            resolution: Some(Resolution {
                width: 1312,
                height: 736,
            }),
            magic_prompt: MagicPrompt::Off,
            seed: Some(2_147_483_647),
            num_images: 2,
            rendering_speed: Some(RenderingSpeed::Turbo),
            quality: Some(Quality::High),
            color_palette: Some(ColorPalette::Colors(vec![
                color("#FF0000", Some(0.25)),
                color("#00FF00", None),
            ])),
            style_preset: Some("WATERCOLOR".to_owned()),
            style_codes: vec!["0a1b2c3d".to_owned()],
            custom_model: Some("model/fox/version/2".to_owned()),
            image_weight: Some(40),
            upscale_factor: Some(UpscaleFactor::X4),
            resolution_tier: Some(ResolutionTier::K2),
            transparent: true,
            inputs: inputs(),
            presets: vec!["og-image".into(), choice()],
            campaign: Some("winter".to_owned()),
            tags: vec!["fox".to_owned()],
            metadata: [("sku".to_owned(), "A-1".to_owned())].into(),
            lane: Lane::Interactive,
            deadline: Some(at()),
            on_duplicate: OnDuplicate::Reuse,
            on_withheld: OnWithheld::Fail,
            on_unknown: OnUnknown::Retry,
        },
        provider: "ideogram".to_owned(),
        simulated: true,
        accepted_at: at(),
        callback: true,
        api_key: Some("key_7".to_owned()),
        retry_of: Some(other()),
        duplicate_of: Some(other()),
    }
}

fn failure() -> Failure {
    Failure {
        code: Code::StoreFailed,
        message: "the store is full".to_owned(),
        phase: Phase::Download,
        billed: Billed::Yes,
    }
}

fn image() -> Image {
    Image {
        id: ImageId::of(id(), 1),
        index: 1,
        state: ImageState::Undecodable,
        key: Some("generated/a.png".to_owned()),
        url: Some("https://darkroom.test/assets/generated/a.png".to_owned()),
        width: 1312,
        height: 736,
        seed: Some(LARGE),
        prompt: Some("a fox".to_owned()),
        format: "png".to_owned(),
        bytes: 9_007_199_254_740_993,
        sha256: "00ff".repeat(16),
        derivatives: vec![Derivative {
            preset: "og-image".to_owned(),
            key: "derived/a.jpeg".to_owned(),
            url: "https://darkroom.test/assets/derived/a.jpeg".to_owned(),
            width: 1200,
            height: 630,
            format: "jpeg".to_owned(),
            bytes: 54_321,
            sha256: "ff00".repeat(16),
            crop_loss: 0.1,
            upscaled: true,
            review: vec![Review::Lettering],
        }],
        error: Some(failure()),
        traits: Some(Traits {
            thumbhash: "1QcSHQRnh493V4dIh4eXh1h4kJUI".to_owned(),
            perceptual_hash: "00ff00ff00ff00ff".to_owned(),
            palette: vec![Swatch {
                hex: "#1A2B3C".to_owned(),
                weight: 0.5,
            }],
        }),
        content_credentials: true,
    }
}

fn choice() -> PresetChoice {
    PresetChoice {
        width: Some(400),
        height: Some(300),
        fit: Some("cover".to_owned()),
        gravity: Some("0.5,0.3".to_owned()),
        format: Some("webp".to_owned()),
        quality: Some(70),
        max_bytes: Some(50_000),
        .."thumbnail".into()
    }
}

/// One of each kind.
fn events() -> anyhow::Result<Vec<Event>> {
    let (id, at, cost, attempt) = (id(), at(), Usd::from_micros(LARGE), 3);
    let (images, endpoint) = (vec![image()], "5f0c".to_owned());
    let derivation = "der_01h455vb4pex5vsknk084sn02q".parse()?;
    let event_id = format!("generation-completed-{id}");
    let texts = vec!["a fox in the snow".to_owned()];
    let account = "ideogram".to_owned();
    let notice = BudgetNotice {
        scope: Scope::Campaign(Tenant::default(), "winter".to_owned()),
        window: "day".to_owned(),
        limit: cost,
        used: cost,
        at,
    };
    let link = Some("https://ideogram.test/a.png?exp=1&sig=x".parse()?);
    let drawn = RenderedImage {
        index: 1,
        link,
        seed: Some(LARGE),
        prompt: Some("fox".to_owned()),
    };
    let withheld = RenderedImage {
        index: 2,
        link: None,
        seed: None,
        prompt: None,
    };
    Ok(vec![
        Accepted {
            job: job(),
            callback_url: Some("https://customer.test/hook?a=b".parse()?),
            reserved: cost,
        }
        .into(),
        Calling {
            id,
            attempt,
            token: "t0k".to_owned(),
            route: "v2".to_owned(),
            images: 2,
            reserved: cost,
            at,
        }
        .into(),
        Submitted {
            id,
            attempt,
            provider_id: "theirs".to_owned(),
            at,
        }
        .into(),
        Unknown {
            id,
            attempt,
            reason: "no answer".to_owned(),
            reserved: cost,
            at,
        }
        .into(),
        Parked {
            id,
            reason: "out of funds".to_owned(),
            failures: 1,
            until: Some(at),
            in_doubt: true,
            doubted: Some(attempt),
            at,
        }
        .into(),
        Rendered {
            job: job(),
            attempt,
            provider_id: Some("theirs".to_owned()),
            images: vec![drawn, withheld],
            late: true,
            texts: texts.clone(),
            expires_at: at,
            cost,
            at,
        }
        .into(),
        Completed {
            job: job(),
            images: images.clone(),
            texts: texts.clone(),
            cost,
            at,
        }
        .into(),
        Failed {
            id,
            tenant: Tenant::default(),
            custom_id: Some("order-7".to_owned()),
            job: Some(job()),
            failure: failure(),
            cost,
            at,
        }
        .into(),
        Ready {
            job: job(),
            images,
            texts,
            cost,
            at,
        }
        .into(),
        ImageReady {
            job: job(),
            derivation: Some(derivation),
            image: image(),
            at,
        }
        .into(),
        ImageFailed {
            job: job(),
            image: image(),
            at,
        }
        .into(),
        ImageRecovered {
            job: job(),
            image: image(),
            at,
        }
        .into(),
        ImageRecut {
            job: job(),
            image: image(),
            derivation,
            presets: vec!["og-image".into(), choice()],
            at,
        }
        .into(),
        AssetExpired {
            id,
            tenant: Tenant::default(),
            image: ImageId::of(id, 1),
            reason: "retention".to_owned(),
            at,
        }
        .into(),
        AssetDeleted {
            id,
            tenant: Tenant::default(),
            image: ImageId::of(id, 1),
            reason: "retention".to_owned(),
            keys: vec!["generated/a.png".to_owned(), "derived/a.jpeg".to_owned()],
            bytes: 9_007_199_254_740_993,
            at,
        }
        .into(),
        Announced {
            id,
            token: "t0k".to_owned(),
            provider_id: "theirs".to_owned(),
            at,
        }
        .into(),
        ProviderParked {
            account: account.clone(),
            hold: Hold::OutOfFunds,
            message: Hold::OutOfFunds.advice().to_owned(),
            jobs: 10_000,
            reserved: cost,
            at,
        }
        .into(),
        ProviderResumed {
            account: account.clone(),
            hold: Hold::OutOfFunds,
            since: at,
            at,
        }
        .into(),
        ProviderDiscrepancy {
            account,
            from: at,
            to: at,
            billed: cost,
            settled: cost,
            unknown: cost,
            candidates: vec![id],
            at,
        }
        .into(),
        Event::BudgetWarning(notice.clone()),
        Event::BudgetExhausted(notice),
        NotificationDelivered {
            event_id: event_id.clone(),
            id,
            endpoint: endpoint.clone(),
            status: 204,
            attempts: 2,
            at,
        }
        .into(),
        NotificationFailed {
            event_id,
            id,
            endpoint,
            attempts: 9,
            reason: "410".to_owned(),
            at,
        }
        .into(),
    ])
}

/// The same kinds with as little in them as there can be.
fn sparse() -> anyhow::Result<Vec<Event>> {
    let mut job = job();
    job.custom_id = None;
    let request = &mut job.request;
    (
        request.negative_prompt,
        request.style_type,
        request.aspect_ratio,
    ) = (None, None, None);
    (request.resolution, request.seed, request.rendering_speed) = (None, None, None);
    (request.quality, request.style_preset, request.campaign) = (None, None, None);
    request.color_palette = Some(ColorPalette::Preset("EMBER".to_owned()));
    (request.style_codes, request.presets, request.tags) = (vec![], vec![], vec![]);
    (request.metadata, request.deadline) = (Default::default(), None);
    (request.custom_model, request.image_weight) = (None, None);
    (request.upscale_factor, request.resolution_tier) = (None, None);
    (request.inputs, request.transparent) = (Inputs::default(), false);
    (job.api_key, job.retry_of, job.duplicate_of) = (None, None, None);
    let bare = Image {
        key: None,
        url: None,
        seed: None,
        prompt: None,
        format: String::new(),
        sha256: String::new(),
        derivatives: Vec::new(),
        error: None,
        ..image()
    };
    let (at, cost, tenant) = (Timestamp::UNIX_EPOCH, Usd::ZERO, Tenant::default());
    Ok(vec![
        Accepted {
            job: job.clone(),
            callback_url: None,
            reserved: cost,
        }
        .into(),
        Rendered {
            job: job.clone(),
            attempt: 0,
            provider_id: None,
            images: Vec::new(),
            texts: Vec::new(),
            late: false,
            expires_at: at,
            cost,
            at,
        }
        .into(),
        Completed {
            job: job.clone(),
            images: Vec::new(),
            texts: Vec::new(),
            cost,
            at,
        }
        .into(),
        ImageReady {
            derivation: None,
            job,
            image: bare,
            at,
        }
        .into(),
        Failed {
            id: id(),
            tenant,
            custom_id: None,
            job: None,
            failure: failure(),
            cost,
            at,
        }
        .into(),
    ])
}

fn golden(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    folder.join(format!("{name}.json"))
}

#[test]
fn every_event_is_read_back_as_it_was() -> anyhow::Result<()> {
    for event in events()?.into_iter().chain(sparse()?) {
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            let written = encode(&event, encoding);
            assert_eq!(
                decode(written.name, encoding, &written.body)?,
                event,
                "{encoding:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn the_json_of_every_event_is_the_golden_one() -> anyhow::Result<()> {
    let regenerate = std::env::vars_os().any(|(name, _)| name == "DARKROOM_REGENERATE");
    for event in events()? {
        let path = golden(event.name());
        let fresh: Value = serde_json::from_slice(&encode(&event, Encoding::Json).body)?;
        if regenerate {
            std::fs::write(&path, format!("{fresh:#}\n"))?;
        }
        let committed = std::fs::read_to_string(&path)?;
        assert!(
            committed == format!("{fresh:#}\n"),
            "{}: is now {fresh:#}",
            path.display()
        );
    }
    let files = std::fs::read_dir(golden("x").with_file_name(""))?.count();
    assert_eq!(files, events()?.len(), "one file for each event");
    Ok(())
}

#[test]
fn what_is_empty_is_written_all_the_same_but_not_for_a_job() -> anyhow::Result<()> {
    for event in sparse()? {
        let full = std::fs::read(golden(event.name()))?;
        let full: Value = serde_json::from_slice(&full)?;
        let bare: Value = serde_json::from_slice(&encode(&event, Encoding::Json).body)?;
        let fields = |value: &Value| -> Vec<String> {
            value
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| name.clone())
                .collect()
        };
        assert_eq!(fields(&bare), fields(&full), "{}", event.name());
        if bare["image"].is_object() {
            let (bare, full) = (fields(&bare["image"]), fields(&full["image"]));
            assert_eq!(bare, full, "{}", event.name());
        }
        if let Some(job) = bare["job"].as_object() {
            let unset: Vec<_> = job.iter().filter(|(_, value)| value.is_null()).collect();
            assert!(unset.is_empty(), "{}: {unset:?}", event.name());
            let (known, set) = (fields(&full["job"]), fields(&bare["job"]));
            let strange: Vec<_> = set.iter().filter(|name| !known.contains(name)).collect();
            assert!(strange.is_empty(), "{}: {strange:?}", event.name());
            // Lists, too, although they are empty: readers go through them.
            for name in ["styleCodes", "presets", "tags", "metadata", "presetChoices"] {
                let list = &bare["job"][name];
                assert!(list.is_array() || list.is_object(), "{name}: {list}");
            }
        }
    }
    Ok(())
}

/// As somebody reads them who has never heard of Rust.
#[test]
fn python_reads_the_golden_files_with_the_types_that_were_meant() -> anyhow::Result<()> {
    const READER: &str = r#"
import json, pathlib, re, sys

files = sorted(pathlib.Path(sys.argv[1]).glob("*.json"))
LARGE = 2**53 + 1

def walk(value, path):
    if isinstance(value, dict):
        for name, inner in value.items():
            assert ".metadata" in path or re.fullmatch(r"[a-z][a-zA-Z0-9]*", name), path + "." + name
            walk(inner, path + "." + name)
    elif isinstance(value, list):
        for inner in value:
            walk(inner, path + "[]")
    leaf = path.rsplit(".", 1)[-1]
    if leaf.endswith("UsdMicros"):
        assert value == LARGE and type(value) is int, path
    if leaf in ("attempt", "attempts", "index", "width", "height", "numImages", "bytes", "jobs", "failures", "imageWeight"):
        # What a choice does not say is as the preset has it.
        assert type(value) is int or value is None and leaf != "index" and "preset" in path, path
    if leaf in ("simulated", "callback", "upscaled", "retryable", "transparent", "inDoubt", "late", "contentCredentials"):
        assert type(value) is bool, path
    if leaf == "cropLoss":
        assert value == 0.1, path
    if leaf in ("at", "acceptedAt", "expiresAt", "deadline", "until", "since", "from", "to"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", value), path
    if leaf == "images" and "calling" in path:
        assert type(value) is int, path
    elif leaf in ("tags", "presets", "styleCodes", "images", "derivatives", "texts", "candidates"):
        assert type(value) is list and value != [], path

for file in files:
    event = json.load(file.open(encoding="utf-8"))
    assert type(event) is dict
    walk(event, file.stem)
    if "job" in event:
        assert event["job"]["prompt"] == 'ein F\u00fcchslein "im Schnee" \U0001f98a'
        assert event["job"]["metadata"] == {"sku": "A-1"}
    if "callbackUrl" in event:
        assert file.stem == "generation.accepted"
print(len(files))
"#;
    let folder = golden("x").with_file_name("");
    let output = Command::new("python3")
        .args(["-c", READER])
        .arg(folder)
        .output()?;

    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        events()?.len().to_string()
    );
    Ok(())
}

#[test]
fn fields_of_tomorrow_are_passed_over() -> anyhow::Result<()> {
    for event in events()? {
        let name = event.name();
        let mut body: Value = serde_json::from_slice(&encode(&event, Encoding::Json).body)?;
        for part in ["", "/job", "/image", "/error", "/images/0"] {
            if let Some(Value::Object(object)) = body.pointer_mut(part) {
                object.insert("tomorrow".to_owned(), json!({ "is": ["another", "day"] }));
            }
        }
        let read = decode(name, Encoding::Json, body.to_string().as_bytes())?;
        assert_eq!(read, event);

        let mut body = encode(&event, Encoding::Protobuf).body;
        body.extend([0xfa, 0x7f, 0x01, 0x61]); // Field 2047, one byte.
        assert_eq!(decode(name, Encoding::Protobuf, &body)?, event);
    }
    Ok(())
}

/// Yesterday's writers know nothing of fields that came later; those that may be absent are.
#[test]
fn fields_that_yesterday_had_not_are_empty() -> anyhow::Result<()> {
    let event = Event::from(ImageReady {
        job: job(),
        derivation: None,
        image: image(),
        at: at(),
    });
    let mut body: Value = serde_json::from_slice(&encode(&event, Encoding::Json).body)?;
    for (part, names) in [
        (
            "/job",
            &[
                "campaign",
                "tags",
                "metadata",
                "deadline",
                "callback",
                "colorPalette",
            ][..],
        ),
        ("/image", &["prompt", "derivatives", "error", "sha256"]),
    ] {
        if let Some(Value::Object(object)) = body.pointer_mut(part) {
            for name in names {
                assert!(object.remove(*name).is_some(), "{part} has no {name}");
            }
        }
    }

    let read = decode(event.name(), Encoding::Json, body.to_string().as_bytes())?;

    let mut expected = ImageReady {
        job: job(),
        derivation: None,
        image: image(),
        at: at(),
    };
    let request = &mut expected.job.request;
    (request.campaign, request.deadline, request.color_palette) = (None, None, None);
    (request.tags, request.metadata) = (Vec::new(), Default::default());
    expected.job.callback = false;
    let image = &mut expected.image;
    (image.prompt, image.error, image.sha256) = (None, None, String::new());
    image.derivatives = Vec::new();
    assert_eq!(read, expected.into());
    Ok(())
}

#[test]
fn what_must_be_there_is_missed_by_name() -> anyhow::Result<()> {
    for event in events()? {
        let mut body: Value = serde_json::from_slice(&encode(&event, Encoding::Json).body)?;
        let heads = ["id", "job", "hold", "since", "from", "scope"];
        let known = heads.iter().find(|name| body.get(**name).is_some());
        let must = known.copied().unwrap_or_default();
        if let Value::Object(object) = &mut body {
            object.remove(must);
        }
        let body = body.to_string();
        match decode(event.name(), Encoding::Json, body.as_bytes()) {
            Err(DecodeError::Field { field, .. }) => assert_eq!(field, must, "{}", event.name()),
            other => anyhow::bail!("{} without `{must}`: {other:?}", event.name()),
        }
    }
    let unknown = decode("generation.imagined", Encoding::Json, b"{}");
    assert!(
        matches!(unknown, Err(DecodeError::UnknownEvent(name)) if name == "generation.imagined")
    );
    Ok(())
}
