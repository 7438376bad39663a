//! Against the simulator, and against a provider that says what a test wants.

use bus::Bus;
use domain::{Model, Operation, Request, ResolutionTier, Tenant};
use futures::FutureExt;
use futures::future::join_all;
use ideogram::{Api, plan};
use ideogram_sim::Simulator;
use serde_json::json;
use storage::Store;
use testkit::{NatsServer, Receiver};
use url::Url;

use super::*;

const TABLE: Usd = Usd::from_micros(80_000);
const NO_TIME: Memory = Memory {
    price: Duration::ZERO,
    silence: Duration::ZERO,
};

fn client(url: &str) -> anyhow::Result<Client> {
    let url = Url::parse(url)?;
    Ok(Client::new(ideogram::Config::new(
        url,
        "secret-key".to_owned(),
    ))?)
}

/// With the broker that they look their pictures up at.
async fn sources(networks: &str) -> anyhow::Result<(Sources, NatsServer)> {
    let server = NatsServer::start().await?;
    let bus = Bus::connect(&bus::Config::plain(server.url(), "generator")).await?;
    bus::provision(&bus, 1).await?;
    let policy = egress::Policy {
        allow: egress::parse_networks(networks)?,
        ..egress::Policy::default()
    };
    let egress = egress::Client::new(policy)?;
    Ok((
        Sources::new(Store::in_memory(), egress, bus.ledger()),
        server,
    ))
}

fn call(model: Model) -> anyhow::Result<Call> {
    let request = Request {
        model,
        ..Request::new("kite")
    };
    Ok(plan(&request, Api::Auto)?)
}

/// Of which nobody published the price.
fn unpublished() -> anyhow::Result<Call> {
    let request = Request {
        model: Model::NanoBanana2,
        resolution_tier: Some(ResolutionTier::K2),
        ..Request::new("kite")
    };
    let call = plan(&request, Api::Auto)?;
    anyhow::ensure!(call.upper_bound.is_none() && call.is_quotable());
    Ok(call)
}

fn quote(micros: i64) -> String {
    json!({ "usd_micros": micros, "qualifier": "exact" }).to_string()
}

async fn asked(provider: &Receiver) -> usize {
    let mut asked = 0;
    while provider.try_next().await.is_some() {
        asked += 1;
    }
    asked
}

#[tokio::test]
async fn the_simulator_names_prices_and_draws_nothing() -> anyhow::Result<()> {
    let sim = Simulator::start(ideogram_sim::Config::default()).await?;
    let host = Receiver::start().await?;
    let (sources, _server) = sources("127.0.0.1").await?;
    let prices = Prices::new(client(&sim.api_url())?);

    assert_eq!(prices.bound(&call(Model::V2)?, &sources).await?, TABLE);
    assert!(prices.bound(&unpublished()?, &sources).await? > Usd::ZERO);

    host.script([testkit::png(640, 480)?]);
    let mut request = Request {
        operation: Operation::Edit,
        model: Model::V45,
        aspect_ratio: None,
        ..Request::new("kite")
    };
    request.inputs.sources = vec![domain::Source {
        origin: domain::Origin::Url(host.url().clone()),
        pinned: None,
    }];
    let pinned = sources.pin(&mut request.inputs, &Tenant::default()).await;
    pinned.map_err(|err| anyhow::anyhow!("{err:?}"))?;
    let edit = plan(&request, Api::Auto)?;
    assert_eq!(edit.files().len(), 1);
    assert_eq!(prices.bound(&edit, &sources).await?.micros(), 60_000);
    assert!(sim.bill().is_empty());
    Ok(())
}

#[tokio::test]
async fn the_providers_word_wins_and_is_asked_for_once() -> anyhow::Result<()> {
    let (sources, _server) = sources("").await?;
    for micros in [90_000, 10_000] {
        let provider = Receiver::start().await?;
        provider.script([quote(micros)]);
        let prices = Prices::new(client(provider.url().as_str())?);
        let call = call(Model::V2)?;

        let askers = (0..20).map(|_| prices.bound(&call, &sources));
        for bound in join_all(askers).await {
            assert_eq!(bound?.micros(), micros);
        }
        // Known, it takes no waiting at all.
        let at_once = prices.bound(&call, &sources).now_or_never();
        assert_eq!(at_once.transpose()?.map(Usd::micros), Some(micros));
        assert_eq!(asked(&provider).await, 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_silent_provider_is_left_alone_for_a_while_and_the_table_stands() -> anyhow::Result<()> {
    let (sources, _server) = sources("").await?;
    let provider = Receiver::start().await?;
    let (known, unknown) = (call(Model::V2)?, unpublished()?);
    // Without a script it answers with nothing.
    for (prices, questions) in [
        (Prices::new(client(provider.url().as_str())?), 2),
        (
            Prices::with_memory(client(provider.url().as_str())?, NO_TIME),
            4,
        ),
    ] {
        for _ in 0..2 {
            assert_eq!(prices.bound(&known, &sources).await?, TABLE);
            let refused = prices.bound(&unknown, &sources).await;
            assert_eq!(
                refused.map_err(|invalid| invalid.code),
                Err(Code::PriceUnknown)
            );
        }
        assert_eq!(asked(&provider).await, questions);
    }
    Ok(())
}

#[tokio::test]
async fn a_quote_that_bounds_nothing_is_no_price() -> anyhow::Result<()> {
    let (sources, _server) = sources("").await?;
    let provider = Receiver::start().await?;
    let prices = Prices::with_memory(client(provider.url().as_str())?, NO_TIME);
    let bounds = [
        (json!({ "usd_micros": 1, "qualifier": "estimate" }), TABLE),
        (json!({ "usd_micros": 0, "qualifier": "exact" }), TABLE),
        (
            json!({ "usd_micros": 7, "upper_bound_usd_micros": 5, "qualifier": "estimate" }),
            Usd::from_micros(7),
        ),
    ];
    for (answer, bound) in bounds {
        provider.script([answer.to_string()]);
        assert_eq!(
            prices.bound(&call(Model::V2)?, &sources).await?,
            bound,
            "{answer}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_route_without_quotes_is_never_asked() -> anyhow::Result<()> {
    let (sources, _server) = sources("").await?;
    let provider = Receiver::start().await?;
    let prices = Prices::new(client(provider.url().as_str())?);
    let call = plan(&Request::new("kite"), Api::Legacy)?;

    let bound = prices.bound(&call, &sources).now_or_never();
    assert_eq!(bound.transpose()?, Some(TABLE));
    assert_eq!(asked(&provider).await, 0);
    Ok(())
}

#[tokio::test]
async fn shapes_do_not_pile_up() -> anyhow::Result<()> {
    let prices = Prices::new(client("http://127.0.0.1:1")?);
    let now = Instant::now();
    for n in 0..2 * SHAPES {
        let shape = prices.shape(n.to_string());
        let until = now + Duration::from_secs(3_600) + Duration::from_millis(n as u64);
        *shape.known.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Known { quote: None, until });
    }
    let count = prices.shapes.read().map_or(0, |shapes| shapes.len());
    assert_eq!(count, SHAPES);
    assert!(prices.known("0").is_none());
    assert!(prices.known(&(2 * SHAPES - 1).to_string()).is_some());
    Ok(())
}
