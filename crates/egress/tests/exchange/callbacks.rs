//! Callbacks: who gets them, and what the answer may do.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::server::{Canary, Reply, Server};
use bytes::Bytes;
use egress::{Answer, Client, Error, Policy, parse_networks};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

const NO_HEADERS: [(&str, &str); 0] = [];

/// A name server that gives each of its answers in turn.
struct Answers {
    turns: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Answers {
    fn new(turns: &[&[&str]]) -> anyhow::Result<Arc<Self>> {
        let parse = |turn: &&[&str]| turn.iter().map(|ip| ip.parse()).collect();
        Ok(Arc::new(Self {
            turns: turns.iter().map(parse).collect::<Result<_, _>>()?,
            asked: AtomicUsize::new(0),
        }))
    }
}

impl Resolve for Answers {
    fn resolve(&self, _: Name) -> Resolving {
        let turn = self.asked.fetch_add(1, Ordering::Relaxed) % self.turns.len();
        let answer: Vec<_> = self.turns[turn]
            .iter()
            .map(|ip| SocketAddr::new(*ip, 0))
            .collect();
        Box::pin(async move {
            if answer.is_empty() {
                return Err(io::Error::other("no such name").into());
            }
            Ok(Box::new(answer.into_iter()) as Addrs)
        })
    }
}

fn allowing(networks: &str) -> anyhow::Result<Policy> {
    Ok(Policy {
        allow: parse_networks(networks)?,
        ..Policy::default()
    })
}

async fn post(client: &Client, url: &str) -> anyhow::Result<Result<Answer, Error>> {
    Ok(client
        .post(&Url::parse(url)?, &NO_HEADERS, Bytes::from_static(b"{}"))
        .await)
}

#[tokio::test]
async fn an_allowed_receiver_gets_the_callback_as_it_was_signed() -> anyhow::Result<()> {
    let mut server =
        Server::always("HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 5\r\n\r\nlater")
            .await?;
    let client = Client::new(allowing("127.0.0.0/8,::1")?)?;
    let port = server.address.port();

    for host in [
        "127.0.0.1",
        "localhost",
        "LocalHost",
        "[::ffff:127.0.0.1]",
        "2130706433",
    ] {
        let url = Url::parse(&format!("http://{host}:{port}/hook?a=b"))?;
        let headers = [
            ("webhook-id", "evt_1"),
            ("content-type", "application/json"),
        ];
        let answer = client
            .post(&url, &headers, Bytes::from_static(b"{\"a\":1}"))
            .await?;

        assert_eq!(answer.status, 503);
        assert_eq!(answer.retry_after.as_deref(), Some("120"));
        assert_eq!(answer.body_excerpt, "later");
        assert!(answer.elapsed < Duration::from_secs(15));
        let request = server.request().await?;
        assert!(
            request.starts_with("POST /hook?a=b HTTP/1.1\r\n"),
            "{request}"
        );
        for line in [
            "webhook-id: evt_1",
            "content-type: application/json",
            concat!("user-agent: darkroom/", env!("CARGO_PKG_VERSION")),
        ] {
            assert!(
                request.lines().any(|sent| sent == line),
                "{line}: {request}"
            );
        }
        assert!(
            !request.to_lowercase().contains("accept-encoding"),
            "{request}"
        );
        assert!(request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
    }
    Ok(())
}

#[tokio::test]
async fn loopback_is_refused_by_address_and_by_name() -> anyhow::Result<()> {
    let canary = Canary::start()?;
    let port = canary.port()?;
    // The second opens another network only; the third lets http through to the resolver.
    for networks in ["", "10.0.0.0/8", "127.0.0.2"] {
        let client = Client::new(allowing(networks)?)?;
        for host in [
            "127.0.0.1",
            "localhost",
            "LOCALHOST",
            "[::1]",
            "[::ffff:7f00:1]",
            "0x7f.1",
        ] {
            let refused = post(&client, &format!("http://{host}:{port}/")).await?;

            assert!(
                matches!(refused, Err(Error::Refused { .. })),
                "{host}: {refused:?}"
            );
        }
    }
    assert!(canary.is_untouched());
    Ok(())
}

#[tokio::test]
async fn a_name_with_one_address_that_is_not_permitted_is_refused() -> anyhow::Result<()> {
    for answer in [
        &["127.0.0.1"][..],
        &["10.1.2.3"],
        &["169.254.169.254"],
        &["::1"],
        &["::ffff:192.168.0.1"],
        &["64:ff9b::a00:1"],
        &["fd00:ec2::254"],
        &["2002:7f00:1::"],
        // A public address does not make up for another, in whatever order.
        &["8.8.8.8", "127.0.0.1"],
        &["127.0.0.1", "8.8.8.8"],
        &["2606:4700:4700::1111", "8.8.8.8", "10.0.0.1"],
    ] {
        let resolver = Answers::new(&[answer])?;
        let client = Client::with_resolver(Policy::default(), resolver.clone())?;

        let refused = post(&client, "https://callback.example.com/").await?;

        let Err(err @ Error::Refused { .. }) = refused else {
            anyhow::bail!("{answer:?}: {refused:?}");
        };
        assert!(err.is_permanent());
        assert_eq!(
            err.to_string(),
            "target refused: its host is not a permitted public host"
        );
        assert_eq!(resolver.asked.load(Ordering::Relaxed), 1, "{answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_name_that_changes_its_address_never_leads_to_the_canary() -> anyhow::Result<()> {
    let server = Server::always("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await?;
    let port = server.address.port();
    let canary = Canary::at((Ipv4Addr::new(127, 0, 0, 2), port).into())?;
    let turns: [&[&str]; 4] = [
        &["127.0.0.1"],
        &["127.0.0.2"],
        &["127.0.0.1", "127.0.0.2"],
        &["127.0.0.2", "127.0.0.1"],
    ];
    let client = Client::with_resolver(allowing("127.0.0.1")?, Answers::new(&turns)?)?;

    let (mut delivered, mut refused) = (0, 0);
    for _ in 0..1_000 {
        match post(&client, &format!("http://callback.example.com:{port}/")).await? {
            Ok(_) => delivered += 1,
            Err(Error::Refused { .. }) => refused += 1,
            Err(err) => return Err(err.into()),
        }
    }

    assert_eq!((delivered, refused), (250, 750));
    assert!(canary.is_untouched());
    Ok(())
}

#[tokio::test]
async fn a_callback_follows_no_redirect() -> anyhow::Result<()> {
    let canary = Canary::start()?;
    let location = format!("http://127.0.0.1:{}/", canary.port()?);
    let server = Server::start(move |path| {
        let status = path.trim_start_matches('/');
        Reply::Bytes(format!(
            "HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        ))
    })
    .await?;
    let client = Client::new(Policy {
        max_redirects: 3,
        ..allowing("127.0.0.1")?
    })?;

    for status in [301, 302, 303, 307, 308] {
        let answer = post(&client, &format!("http://{}/{status}", server.address)).await??;

        assert_eq!(answer.status, status);
    }
    assert!(canary.is_untouched());
    Ok(())
}

#[tokio::test]
async fn an_answer_that_never_ends_is_cut() -> anyhow::Result<()> {
    let server = Server::start(|path| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
        if path == "/drip" {
            Reply::Drip(head)
        } else {
            Reply::Flood(head)
        }
    })
    .await?;
    let client = Client::new(Policy {
        total_timeout: Duration::from_millis(500),
        ..allowing("127.0.0.1")?
    })?;

    let flood = post(&client, &format!("http://{}/flood", server.address)).await??;
    let drip = post(&client, &format!("http://{}/drip", server.address)).await??;

    assert_eq!((flood.status, flood.body_excerpt.len()), (200, 16 * 1024));
    assert_eq!(drip.status, 200);
    assert!(
        (1..100).contains(&drip.body_excerpt.len()),
        "{}",
        drip.body_excerpt.len()
    );
    assert!(drip.elapsed < Duration::from_secs(2), "{:?}", drip.elapsed);
    Ok(())
}

#[tokio::test]
async fn what_may_pass_is_told_from_what_will_not() -> anyhow::Result<()> {
    let silent = Server::start(|_| Reply::Silence).await?;
    let closed = Canary::start()?.port()?;
    let policy = Policy {
        total_timeout: Duration::from_millis(300),
        ..allowing("127.0.0.1")?
    };
    let client = Client::new(policy.clone())?;
    let lost = Client::with_resolver(policy, Answers::new(&[&[]])?)?;

    let timeout = post(&client, &format!("http://{}/", silent.address)).await?;
    let refused = post(&client, &format!("http://127.0.0.1:{closed}/?token=secret")).await?;
    let unknown = post(&lost, "https://callback.example.com/?token=secret").await?;

    assert!(
        matches!(&timeout, Err(err @ Error::Timeout(_)) if !err.is_permanent()),
        "{timeout:?}"
    );
    for connect in [refused, unknown] {
        assert!(
            matches!(&connect, Err(err @ Error::Connect(_)) if !err.is_permanent()),
            "{connect:?}"
        );
        assert!(!format!("{connect:?}").contains("secret"), "{connect:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_header_that_is_none_is_named() -> anyhow::Result<()> {
    let client = Client::new(Policy::default())?;
    let url = Url::parse("https://callback.example.com/")?;
    for (name, value) in [("x-note", "a\r\nb: c"), ("x note", "a"), ("", "a")] {
        let refused = client.post(&url, &[(name, value)], Bytes::new()).await;

        assert!(
            matches!(&refused, Err(err @ Error::Header(named)) if named == name && err.is_permanent()),
            "{refused:?}"
        );
    }
    Ok(())
}
