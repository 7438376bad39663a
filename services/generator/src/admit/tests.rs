use std::time::Duration;

use anyhow::Context;
use async_nats::HeaderMap;
use async_nats::jetstream;
use bus::{DeadFilter, DeadLetter, Policy, Stage, Topology, Worker};
use domain::{AspectRatio, PresetChoice, Tenant};
use runtime::Env;
use tempfile::TempDir;
use testkit::NatsServer;
use tokio_util::sync::CancellationToken;

use super::*;

const LIMIT: Duration = Duration::from_secs(20);
/// What the server has sent to a worker that stops at that moment comes again this soon.
const ACK_WAIT: Duration = Duration::from_secs(2);

/// What comes in is too much for it each time, and it says so as the real one does.
struct Panics(Admit);

impl Handler<Requested> for Panics {
    async fn handle(&self, _: Requested, _: &Delivery) -> Result<Step, Fault> {
        panic!("too much")
    }

    async fn give_up(&self, lost: Lost<Requested>) -> Result<Vec<Emit>, Source> {
        self.0.give_up(lost).await
    }
}

struct World {
    admit: Admit,
    bus: Bus,
    jetstream: jetstream::Context,
    _dir: TempDir,
    _server: NatsServer,
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let server = NatsServer::start().await?;
        let bus = Bus::connect(&bus::Config::plain(server.url(), "generator")).await?;
        let topology = Topology {
            replicas: 1,
            ack_wait: ACK_WAIT,
        };
        bus::provision(&bus, topology).await?;
        let dir = tempfile::tempdir()?;
        let store = format!("file://{}", dir.path().display());
        let config = Config::from_env(&Env::from_pairs([
            ("DARKROOM_STORAGE_URL", store.as_str()),
            ("DARKROOM_NATS_URL", server.url()),
            ("IDEOGRAM_BASE_URL", "http://127.0.0.1:9"),
            ("IDEOGRAM_API_KEY", "test-key"),
        ]))?;
        let egress = egress::Client::new(config.sources.clone())?;
        let client = ideogram::Client::new(config.provider.clone())?;
        let admit = Admit {
            bus: bus.clone(),
            sources: Sources::new(config.store.clone(), egress, bus.ledger()),
            prices: Prices::new(client),
            config: Arc::new(config),
        };
        Ok(Self {
            admit,
            bus,
            jetstream: jetstream::new(server.client().await?),
            _dir: dir,
            _server: server,
        })
    }

    /// Works with `handler`, which gives up what fails once, until `done`.
    async fn work(
        &self,
        handler: impl Handler<Requested>,
        done: impl AsyncFn() -> bool,
    ) -> anyhow::Result<()> {
        let policy = Policy {
            attempts: 1,
            ack_wait: ACK_WAIT,
            ..Policy::NETWORK
        };
        let shutdown = CancellationToken::new();
        let worker = Worker::new(self.bus.clone(), Stage::Admit, policy, handler);
        let running = tokio::spawn(worker.run(shutdown.clone()));
        testkit::wait_until(LIMIT, "the work", done).await?;
        shutdown.cancel();
        Ok(running.await??)
    }

    /// The only dead letter, once there is no work left.
    async fn letter(&self) -> Option<DeadLetter> {
        let all = DeadFilter {
            stage: None,
            after_sequence: 0,
            limit: 2,
        };
        let mut letters = self.bus.dead_letters(all).await.ok()?;
        let letter = letters.pop().filter(|_| letters.is_empty())?;
        self.is_idle().await.then_some(letter)
    }

    async fn is_idle(&self) -> bool {
        for stream in ["INTAKE", "WORK"] {
            let found = self.jetstream.get_stream(stream).await;
            if !found.is_ok_and(|found| found.cached_info().state.messages == 0) {
                return false;
            }
        }
        true
    }

    /// Has the only letter replayed, and given up again; returns the name it had meanwhile.
    async fn dies_again(&self) -> anyhow::Result<GenerationId> {
        let letter = self.letter().await.context("no letter")?;
        let name = self.bus.replay_dead(letter.sequence).await?;
        self.work(Panics(self.admit.clone()), async || {
            self.letter().await.is_some()
        })
        .await?;
        name.context("no name")
    }

    async fn told(&self, id: GenerationId) -> anyhow::Result<Vec<Event>> {
        let entries = self.bus.ledger().read(id).await?;
        Ok(entries.into_iter().map(|entry| entry.event).collect())
    }

    async fn subjects(&self, filter: &str) -> anyhow::Result<usize> {
        use futures::TryStreamExt;
        let events = self.jetstream.get_stream("EVENTS").await?;
        let subjects = events.info_with_subjects(filter).await?;
        Ok(subjects.try_collect::<Vec<_>>().await?.len())
    }
}

/// What was told as failed stays so, and what is put back from the dead letters is bought all the
/// same, once, under a name that the person is told who puts it back.
#[tokio::test]
async fn what_was_given_up_and_is_put_back_is_let_in_once_under_another_name() -> anyhow::Result<()>
{
    let world = World::start().await?;
    let body = r#"{"prompt":"a kite","customId":"poster","callbackUrl":"https://a.test/b"}"#;
    let first = GenerationId::of_key(&Tenant::default(), "poster");
    let publish = async |body: &'static str| {
        let stored = world.jetstream.publish("generation.requested", body.into());
        anyhow::Ok(stored.await?.await?)
    };
    publish(body).await?;
    let panics = || Panics(world.admit.clone());
    world
        .work(panics(), async || world.letter().await.is_some())
        .await?;
    let second = world.dies_again().await?;
    assert_ne!(first, second);
    for id in [first, second] {
        let told = world.told(id).await?;
        assert!(
            matches!(&told[..], [Event::Failed(failed)] if failed.failure.code == Code::Poison),
            "{told:?}"
        );
        let callback = format!("callback.{id}");
        let callback = world.bus.setting(ENDPOINTS, &callback).await?;
        assert_eq!(callback.as_deref(), Some(&b"https://a.test/b"[..]));
    }

    let letter = world.letter().await.context("no letter")?;
    let third = world.bus.replay_dead(letter.sequence).await?;
    let third = third.context("no name")?;
    let work = world.jetstream.get_stream("WORK").await?;
    let item = work.get_last_raw_message_by_subject("due.admit.>").await?;
    let is_let_in = async || world.is_idle().await;
    world.work(world.admit.clone(), is_let_in).await?;
    // As if it had not been acknowledged, and once more by somebody who asks for the same again.
    let mut headers = HeaderMap::new();
    for (name, values) in item.headers.iter() {
        let is_own = !name.to_string().starts_with("Nats-");
        let values = values.iter().filter(|_| is_own);
        values.for_each(|value| headers.append(name.clone(), value.clone()));
    }
    let again = world
        .jetstream
        .publish_with_headers(item.subject, headers, item.payload);
    again.await?.await?;
    world.work(world.admit.clone(), is_let_in).await?;

    let told = world.told(third).await?;
    let [Event::Accepted(accepted)] = &told[..] else {
        anyhow::bail!("{told:?}")
    };
    assert_eq!(accepted.job.custom_id.as_deref(), Some("poster"));
    assert_eq!(accepted.job.retry_of, Some(first));
    assert!(accepted.callback_url.is_some());
    assert_eq!(world.subjects("generation.accepted.>").await?, 1);
    assert_eq!(world.subjects("generation.failed.>").await?, 2);

    // Who sends it anew has not put it back, and is told so.
    publish(body).await?;
    world.work(world.admit.clone(), is_let_in).await?;
    assert_eq!(world.subjects("generation.accepted.>").await?, 1);
    assert_eq!(world.subjects("generation.failed.>").await?, 3);
    Ok(())
}

/// Its letter is there although it was let in: putting it back changes nothing.
#[tokio::test]
async fn what_was_let_in_before_it_was_given_up_keeps_its_name() -> anyhow::Result<()> {
    let world = World::start().await?;
    let body = r#"{"prompt":"a kite","customId":"poster"}"#;
    let first = GenerationId::of_key(&Tenant::default(), "poster");
    let publish = async || {
        let stored = world.jetstream.publish("generation.requested", body.into());
        anyhow::Ok(stored.await?.await?)
    };
    publish().await?;
    let is_idle = async || world.is_idle().await;
    world.work(world.admit.clone(), is_idle).await?;
    publish().await?;
    assert!(world.letter().await.is_none());
    world
        .work(Panics(world.admit.clone()), async || {
            world.letter().await.is_some()
        })
        .await?;

    let letter = world.letter().await.context("no letter")?;
    assert_eq!(world.bus.replay_dead(letter.sequence).await?, Some(first));
    world.work(world.admit.clone(), is_idle).await?;

    assert!(matches!(
        &world.told(first).await?[..],
        [Event::Accepted(_)]
    ));
    assert_eq!(world.subjects("generation.*.>").await?, 1);
    Ok(())
}

fn accepted(aspect_ratio: AspectRatio) -> Event {
    let request = Request {
        aspect_ratio: Some(aspect_ratio),
        ..Request::new("a kite")
    };
    let id = GenerationId::of_key(&Tenant::default(), "kite");
    Event::from(Accepted {
        job: Job::new(id, Tenant::default(), request, Timestamp::UNIX_EPOCH),
        callback_url: None,
        reserved: Usd::ZERO,
    })
}

#[test]
fn a_shape_that_other_presets_would_have_now_makes_no_other_request() {
    let (square, wide) = (
        AspectRatio::SQUARE,
        AspectRatio {
            width: 2,
            height: 1,
        },
    );
    let open = Draft {
        presets: Some(vec![PresetChoice::from("og-image")]),
        ..Draft::default()
    };
    let said = Draft {
        aspect_ratio: Some("2x1".to_owned()),
        ..open.clone()
    };

    assert!(is_same(&accepted(square), &accepted(wide), &open));
    assert!(!is_same(&accepted(square), &accepted(wide), &said));
    assert!(is_same(&accepted(wide), &accepted(wide), &said));
}
