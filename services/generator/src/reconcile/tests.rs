//! Against the simulator's bill and a real ledger.

mod verdicts;

use domain::{Billed, Code, Failure, Job, Phase, Rendered, Request, Tenant, Unknown};
use ideogram::{Api, plan};
use ideogram_sim::{Picture, Simulator};
use jiff::ToSpan;
use testkit::{NatsServer, wait_until};
use url::Url;

use super::*;

const PRICE: Usd = Usd::from_micros(80_000);
const SAFETY: SignedDuration = SignedDuration::from_hours(2);

struct World {
    auditor: Auditor,
    sim: Simulator,
    /// For the desk, if there is one.
    verdicts: Option<mpsc::Receiver<Verdict>>,
    server: NatsServer,
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let server = NatsServer::start().await?;
        let bus = Bus::connect(&bus::Config::plain(server.url(), "generator")).await?;
        bus::provision(&bus, 1).await?;
        let sim = Simulator::start(ideogram_sim::Config {
            picture: Picture::Tiny,
            ..ideogram_sim::Config::default()
        })
        .await?;
        let url = Url::parse(&sim.api_url())?;
        let client = Client::new(ideogram::Config::new(url, "secret-key".to_owned()))?;
        let (desk, verdicts) = mpsc::channel(8);
        let auditor = Auditor {
            bus,
            client,
            account: "ideogram".to_owned(),
            safety: SAFETY,
            desk,
        };
        Ok(Self {
            auditor,
            sim,
            verdicts: Some(verdicts),
            server,
        })
    }

    async fn buy(&self) -> anyhow::Result<()> {
        let call = plan(&Request::new("kite"), Api::Auto)?;
        self.auditor.client.submit(&call, &[]).await?;
        Ok(())
    }

    async fn tell(&self, event: impl Into<Event>) -> anyhow::Result<()> {
        let event = event.into();
        self.auditor.bus.publish(&event, &Expect::Nothing).await?;
        Ok(())
    }

    async fn discrepancies(&self) -> anyhow::Result<Vec<ProviderDiscrepancy>> {
        let ledger = self.auditor.bus.ledger();
        let mut found = Vec::new();
        let mut entries = ledger.follow(&["provider.discrepancy.*"], 0);
        while let Some(followed) = timeout(SILENCE, entries.next()).await? {
            match followed {
                Followed::Entry(Entry {
                    event: Event::ProviderDiscrepancy(event),
                    ..
                }) => found.push(event),
                Followed::CaughtUp(_) => break,
                other => anyhow::bail!("{other:?}"),
            }
        }
        Ok(found)
    }
}

fn job(name: &str) -> Job {
    let id = GenerationId::of_key(&Tenant::default(), name);
    Job::new(id, Tenant::default(), Request::new(name), Timestamp::now())
}

fn rendered(job: Job) -> Rendered {
    Rendered {
        late: false,
        job,
        attempt: 1,
        provider_id: None,
        images: Vec::new(),
        texts: Vec::new(),
        expires_at: Timestamp::now(),
        cost: PRICE,
        at: Timestamp::now(),
    }
}

fn failed(job: Job) -> Failed {
    Failed {
        id: job.id,
        tenant: job.tenant.clone(),
        custom_id: None,
        job: Some(job),
        failure: Failure {
            code: Code::DownloadFailed,
            message: "the link died".to_owned(),
            phase: Phase::Download,
            billed: Billed::Yes,
        },
        cost: PRICE,
        at: Timestamp::now(),
    }
}

#[tokio::test]
async fn what_is_billed_and_not_settled_is_told_once_with_what_is_in_doubt() -> anyhow::Result<()> {
    let world = World::start().await?;
    let now = Timestamp::now();
    world.auditor.audit(now - 2.hours()).await?;

    // One was drawn and lost on the way, which is no second price; one was paid for nothing.
    world.buy().await?;
    world.buy().await?;
    world.tell(rendered(job("lost"))).await?;
    world.tell(failed(job("lost"))).await?;
    world.tell(failed(job("empty"))).await?;
    world.auditor.audit(now + 4.hours()).await?;
    assert_eq!(world.discrepancies().await?, []);

    world.sim.advance_clock(Duration::from_secs(2 * 3_600));
    world.buy().await?;
    let mut doubtful = ["doubtful", "as doubtful"].map(|name| job(name).id);
    for id in doubtful {
        world
            .tell(Unknown {
                id,
                attempt: 1,
                reason: "no answer".to_owned(),
                reserved: PRICE,
                at: Timestamp::now(),
            })
            .await?;
    }
    for _ in 0..2 {
        world.auditor.audit(now + 6.hours()).await?;
    }
    let told = world.discrepancies().await?;
    let [told] = told.as_slice() else {
        anyhow::bail!("{told:?}");
    };
    assert_eq!(
        (told.billed, told.settled, told.unknown),
        (PRICE, Usd::ZERO, Usd::from_micros(160_000))
    );
    doubtful.sort_by_key(ToString::to_string);
    assert_eq!(told.candidates, doubtful);
    assert_eq!(told.to, hour_of(now + 4.hours()));
    assert!(told.from < told.to && told.account == "ideogram");

    world.auditor.audit(now + 8.hours()).await?;
    assert_eq!(world.discrepancies().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn it_compares_beside_the_dispatcher_until_the_end() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (end, bus) = (CancellationToken::new(), world.auditor.bus.clone());
    let running = world.auditor.run(Duration::ZERO, EACH, &end);
    let ending = async {
        let begun = wait_until(SILENCE, "the first page", async || {
            let page = bus.setting(BUCKET, "reconciled.ideogram").await;
            page.is_ok_and(|page| page.is_some())
        });
        let begun = begun.await;
        end.cancel();
        begun
    };
    let ((), begun) = timeout(SILENCE * 2, async { tokio::join!(running, ending) }).await?;
    begun
}
