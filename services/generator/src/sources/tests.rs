//! Against a real store on disk, a real ledger, and a host on loopback.

use anyhow::Context;
use bus::{Bus, Expect};
use domain::{Event, GenerationId};
use domain::{Image, ImageFailed, ImageId, ImageReady, ImageState, Job, Model, Operation, Request};
use futures::FutureExt;
use http::StatusCode;
use ideogram::{Api, Role, plan};
use imaging::decode;
use jiff::Timestamp;
use tempfile::TempDir;
use testkit::{NatsServer, Receiver, png};
use url::Url;

use super::*;

struct World {
    sources: Sources,
    bus: Bus,
    host: Receiver,
    store: Store,
    _dir: TempDir,
    _server: NatsServer,
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let server = NatsServer::start().await?;
        let bus = Bus::connect(&bus::Config::plain(server.url(), "generator")).await?;
        bus::provision(&bus, 1).await?;
        let dir = tempfile::tempdir()?;
        let store = Store::open(&format!("file://{}", dir.path().display()), |_| None)?;
        Ok(Self {
            sources: sources(&store, &bus)?,
            bus,
            host: Receiver::start().await?,
            store,
            _dir: dir,
            _server: server,
        })
    }

    /// Copies one picture that the host has, as the mask if it is to be one.
    async fn pin(&self, field: &str, url: Url) -> Result<Inputs, PinError> {
        let source = source(Origin::Url(url));
        let mut inputs = Inputs::default();
        match field {
            "mask" => inputs.mask = Some(source),
            _ => inputs.sources = vec![source],
        }
        let pinned = self.sources.pin(&mut inputs, &Tenant::default()).await;
        pinned.map(|()| inputs)
    }

    async fn made(&self, name: &str, change: impl FnOnce(&mut Image)) -> anyhow::Result<Image> {
        let id = GenerationId::of_key(&Tenant::default(), name);
        let bytes = png(40, 30)?;
        let sha256 = "0123456789abcdef".repeat(4);
        let key = Key::generated(&id, 0, &sha256, "png")?;
        self.store.put_new(&key, bytes.clone().into()).await?;
        let mut image = Image {
            id: ImageId::of(id, 0),
            index: 0,
            state: ImageState::Ready,
            key: Some(key.to_string()),
            url: None,
            width: 40,
            height: 30,
            seed: None,
            prompt: None,
            format: "png".to_owned(),
            bytes: bytes.len() as u64,
            sha256,
            derivatives: Vec::new(),
            error: None,
            traits: None,
            content_credentials: false,
        };
        change(&mut image);
        let at = Timestamp::now();
        let job = Job::new(id, Tenant::default(), Request::new(name), at);
        let event = match image.state {
            ImageState::Ready => Event::from(ImageReady {
                job,
                derivation: None,
                image: image.clone(),
                at,
            }),
            _ => Event::from(ImageFailed {
                job,
                image: image.clone(),
                at,
            }),
        };
        self.bus.publish(&event, &Expect::Nothing).await?;
        Ok(image)
    }
}

fn sources(store: &Store, bus: &Bus) -> anyhow::Result<Sources> {
    let policy = egress::Policy {
        allow: egress::parse_networks("127.0.0.1")?,
        ..egress::Policy::default()
    };
    let egress = egress::Client::new(policy)?;
    Ok(Sources::new(store.clone(), egress, bus.ledger()))
}

fn source(origin: Origin) -> Source {
    Source {
        origin,
        pinned: None,
    }
}

fn ok<T>(result: Result<T, PinError>) -> anyhow::Result<T> {
    result.map_err(|err| anyhow::anyhow!("{err:?}"))
}

/// What the requester is told.
fn refusal<T>(result: Result<T, PinError>) -> anyhow::Result<Invalid> {
    match result {
        Err(PinError::Refused(invalid)) => Ok(invalid),
        Err(PinError::Later(err)) => anyhow::bail!("later: {err}"),
        Ok(_) => anyhow::bail!("it went well"),
    }
}

#[tokio::test]
async fn a_picture_by_url_is_copied_once_and_stays_what_it_was() -> anyhow::Result<()> {
    let world = World::start().await?;
    let picture = png(64, 48)?;
    world.host.script(vec![picture.clone(); 5]);
    let url = || source(Origin::Url(world.host.url().clone()));
    let mut inputs = Inputs {
        sources: (0..4).map(|_| url()).collect(),
        mask: Some(url()),
        ..Inputs::default()
    };
    ok(world.sources.pin(&mut inputs, &Tenant::default()).await)?;

    let first = inputs.sources[0].pinned.clone().context("no copy")?;
    assert!(
        inputs
            .iter()
            .all(|(_, source)| source.pinned.as_ref() == Some(&first))
    );
    assert_eq!(first.key, format!("sources/{}.png", first.sha256));
    assert_eq!(
        (first.width, first.height, first.format.as_str()),
        (64, 48, "png")
    );
    assert_eq!(first.bytes, picture.len() as u64);
    let stored = world.store.get(&Key::parse(&first.key)?).await?;
    assert_eq!(stored.as_deref(), Some(picture.as_slice()));

    // What has a copy is left alone, whatever the address gives now.
    let known = inputs.clone();
    while world.host.try_next().await.is_some() {}
    let again = world
        .sources
        .pin(&mut inputs, &Tenant::default())
        .now_or_never();
    assert!(matches!(again, Some(Ok(()))));
    assert_eq!(inputs, known);
    assert!(world.host.try_next().await.is_none());
    Ok(())
}

#[tokio::test]
async fn what_is_no_picture_is_refused_by_the_name_of_its_field() -> anyhow::Result<()> {
    let world = World::start().await?;
    let whole = png(64, 48)?;
    let half = whole[..whole.len() / 2].to_vec();
    let ok = StatusCode::OK;
    for (field, status, body, code, word) in [
        (
            "sourceImages[0]",
            StatusCode::NOT_FOUND,
            whole,
            Code::SourceUnavailable,
            "404",
        ),
        (
            "sourceImages[0]",
            ok,
            b"<html>".to_vec(),
            Code::SourceUnavailable,
            "not a png",
        ),
        (
            "sourceImages[0]",
            ok,
            half,
            Code::SourceUnavailable,
            "cut short",
        ),
        // All of it dark.
        ("mask", ok, png(1, 1)?, Code::InvalidField, "no white"),
    ] {
        world.host.script([(status, body)]);
        let invalid = refusal(world.pin(field, world.host.url().clone()).await)?;
        assert_eq!((invalid.field.as_str(), invalid.code), (field, code));
        assert!(invalid.reason.contains(word), "{invalid}");
    }
    let inside = Url::parse("http://10.1.2.3/picture.png")?;
    let invalid = refusal(world.pin("", inside).await)?;
    assert_eq!(invalid.code, Code::InvalidField, "{invalid}");
    Ok(())
}

#[tokio::test]
async fn a_host_that_stumbles_is_asked_once_more() -> anyhow::Result<()> {
    let world = World::start().await?;
    let stumble = (StatusCode::SERVICE_UNAVAILABLE, Vec::new());
    world
        .host
        .script([stumble.clone(), (StatusCode::OK, png(8, 8)?)]);
    ok(world.pin("", world.host.url().clone()).await)?;

    world.host.script([stumble.clone(), stumble]);
    let invalid = refusal(world.pin("", world.host.url().clone()).await)?;
    assert!(invalid.reason.contains("503"), "{invalid}");
    Ok(())
}

#[tokio::test]
async fn a_picture_of_ours_is_used_where_it_is_and_by_its_owner_only() -> anyhow::Result<()> {
    let world = World::start().await?;
    let image = world.made("kite", |_| ()).await?;
    let stranger: Tenant = "stranger".parse()?;
    let inputs = |id| Inputs {
        sources: vec![source(Origin::Image(id))],
        ..Inputs::default()
    };

    let mut own = inputs(image.id);
    ok(world.sources.pin(&mut own, &Tenant::default()).await)?;
    let pinned = own.sources[0].pinned.as_ref();
    assert_eq!(pinned.map(|pinned| &pinned.key), image.key.as_ref());
    assert_eq!(
        pinned.map(|pinned| (pinned.width, pinned.height)),
        Some((40, 30))
    );

    let refused = world.sources.pin(&mut inputs(image.id), &stranger).await;
    let invalid = refusal(refused)?;
    assert!(invalid.reason.starts_with("there is no image"), "{invalid}");

    let broken = world
        .made("broken", |image| image.state = ImageState::Undecodable)
        .await?;
    let lost = world.made("lost", |_| ()).await?;
    let key = lost.key.as_deref().unwrap_or_default();
    world.store.delete(&Key::parse(key)?).await?;
    let never = ImageId::of(GenerationId::generate(), 0);
    for (id, word) in [
        (broken.id, "decoded"),
        (lost.id, "deleted"),
        (never, "no image"),
    ] {
        let refused = world.sources.pin(&mut inputs(id), &Tenant::default()).await;
        let invalid = refusal(refused)?;
        assert_eq!(invalid.code, Code::SourceUnavailable);
        assert_eq!(invalid.field, "sourceImages[0]");
        assert!(invalid.reason.contains(word), "{invalid}");
    }
    Ok(())
}

#[tokio::test]
async fn files_come_in_order_with_masks_as_the_route_reads_them() -> anyhow::Result<()> {
    let world = World::start().await?;
    let picture = png(64, 48)?;
    let mut request = Request {
        operation: Operation::Edit,
        model: Model::V45,
        aspect_ratio: None,
        ..Request::new("kite")
    };
    world.host.script(vec![picture.clone(); 2]);
    let url = || source(Origin::Url(world.host.url().clone()));
    request.inputs = Inputs {
        sources: vec![url()],
        mask: Some(url()),
        ..Inputs::default()
    };
    ok(world
        .sources
        .pin(&mut request.inputs, &Tenant::default())
        .await)?;

    for model in [Model::V45, Model::GptImage25Flare] {
        request.model = model;
        request.operation = match model {
            Model::V45 => Operation::Edit,
            _ => Operation::Generate,
        };
        let call = plan(&request, Api::Auto)?;
        let files = world.sources.files(&call).await;
        let files = files.map_err(|err| anyhow::anyhow!("{err:?}"))?;
        assert_eq!(files.len(), 2);
        for (part, bytes) in call.files().iter().zip(&files) {
            if part.role != Role::Mask {
                assert_eq!(bytes, &picture);
                continue;
            }
            let mask = decode(bytes, &Limits::default())?;
            assert_eq!((mask.width(), mask.height()), (64, 48));
            let is_transparent = part.polarity == Some(Polarity::TransparentChanges);
            assert_eq!(mask.has_alpha(), is_transparent, "{model}");
            let expected = match is_transparent {
                true => Mask::read(&picture, &Limits::default())?.png(Changed::Transparent)?,
                false => Mask::read(&picture, &Limits::default())?.png(Changed::Black)?,
            };
            assert_eq!(bytes, &expected);
        }
    }

    // The last few are at hand; what is at hand nowhere is gone.
    let call = plan(&request, Api::Auto)?;
    let key = request.inputs.sources[0]
        .pinned
        .as_ref()
        .map(|pinned| pinned.key.clone());
    world
        .store
        .delete(&Key::parse(&key.unwrap_or_default())?)
        .await?;
    assert!(world.sources.files(&call).await.is_ok());
    let missing = sources(&world.store, &world.bus)?.files(&call).await;
    let Err(Missing::Gone { code, message }) = missing else {
        anyhow::bail!("{missing:?}");
    };
    assert_eq!(code, Code::SourceUnavailable);
    assert!(message.contains("deleted"), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_call_without_files_waits_for_nothing() -> anyhow::Result<()> {
    let world = World::start().await?;
    let call = plan(&Request::new("kite"), Api::Auto)?;
    let files = world.sources.files(&call).now_or_never();
    assert!(matches!(files, Some(Ok(files)) if files.capacity() == 0));
    Ok(())
}
