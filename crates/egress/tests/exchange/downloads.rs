//! Downloads: how far redirects lead, and how much of a body is taken.

use std::time::Duration;

use crate::server::{Canary, Reply, Server};
use egress::{Client, Download, Error, Policy, parse_networks};
use url::Url;

const MAX_BYTES: u64 = 64 * 1024;

fn policy() -> anyhow::Result<Policy> {
    Ok(Policy {
        allow: parse_networks("127.0.0.1")?,
        max_redirects: 3,
        total_timeout: Duration::from_secs(2),
        ..Policy::default()
    })
}

async fn get(policy: Policy, url: &str) -> anyhow::Result<Result<Download, Error>> {
    Ok(Client::new(policy)?.get(&Url::parse(url)?, MAX_BYTES).await)
}

/// Answers `/N` with a redirect to `/N-1`, and `/0` with `done`.
fn countdown(path: &str) -> Reply {
    let left = path.trim_start_matches('/').parse().unwrap_or(0_u32);
    Reply::Bytes(match left {
        0 => {
            "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 4\r\n\r\ndone".to_owned()
        }
        _ => format!(
            "HTTP/1.1 302 Found\r\nLocation: /{}#top\r\nContent-Length: 0\r\n\r\n",
            left - 1
        ),
    })
}

#[tokio::test]
async fn redirects_are_followed_as_far_as_the_policy_says() -> anyhow::Result<()> {
    let server = Server::start(countdown).await?;
    for (redirects, status) in [(0, 200), (1, 200), (3, 200), (4, 302), (100, 302)] {
        let download = get(policy()?, &format!("http://{}/{redirects}", server.address)).await??;

        assert_eq!(download.status, status, "{redirects}");
        if status == 200 {
            assert_eq!(download.bytes, "done");
            assert_eq!(download.content_type.as_deref(), Some("image/png"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_redirect_is_checked_like_the_first_url() -> anyhow::Result<()> {
    let canary = Canary::at("127.0.0.2:0".parse()?)?;
    let port = canary.port()?;
    for location in [
        format!("http://127.0.0.2:{port}/"),
        format!("//127.0.0.2:{port}/"),
        format!("http://2130706434:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "https://user:secret@example.com/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "ftp://example.com/".to_owned(),
        "http://[".to_owned(),
    ] {
        let reply =
            format!("HTTP/1.1 307 Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let server = Server::start(move |_| Reply::Bytes(reply.clone())).await?;

        let refused = get(policy()?, &format!("http://{}/", server.address)).await?;

        assert!(
            matches!(refused, Err(Error::Refused { .. })),
            "{location}: {refused:?}"
        );
    }
    assert!(canary.is_untouched());
    Ok(())
}

#[tokio::test]
async fn a_redirect_does_not_leave_the_listed_hosts() -> anyhow::Result<()> {
    let server = Server::start(countdown).await?;
    let listed = |host: &str| -> anyhow::Result<Policy> {
        Ok(Policy {
            hosts: Some(vec![host.to_owned()]),
            ..policy()?
        })
    };
    let url = format!("http://{}/1", server.address);

    assert_eq!(get(listed("127.0.0.1")?, &url).await??.status, 200);
    let refused = get(listed("images.example.com")?, &url).await?;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_whatever_it_announces() -> anyhow::Result<()> {
    let server = Server::start(|path| match path {
        "/announced" => Reply::Bytes("HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n".to_owned()),
        "/chunked" => {
            Reply::Flood("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned())
        }
        "/unbounded" => Reply::Flood("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_owned()),
        _ => Reply::Bytes(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {MAX_BYTES}\r\n\r\n{}",
            ".".repeat(MAX_BYTES as usize)
        )),
    })
    .await?;

    for path in ["announced", "chunked", "unbounded"] {
        let refused = get(policy()?, &format!("http://{}/{path}", server.address)).await?;

        assert!(
            matches!(&refused, Err(err @ Error::TooLarge { max_bytes: MAX_BYTES }) if err.is_permanent()),
            "{path}: {refused:?}"
        );
    }
    let fits = get(policy()?, &format!("http://{}/fits", server.address)).await??;
    assert_eq!(fits.bytes.len() as u64, MAX_BYTES);
    Ok(())
}

#[tokio::test]
async fn half_a_body_is_no_body() -> anyhow::Result<()> {
    for reply in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n",
    ] {
        let server = Server::always(reply).await?;

        let truncated = get(policy()?, &format!("http://{}/", server.address)).await?;

        assert!(
            matches!(&truncated, Err(err @ Error::Truncated(_)) if !err.is_permanent()),
            "{truncated:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_body_that_drips_runs_out_of_time() -> anyhow::Result<()> {
    let server = Server::start(|_| {
        Reply::Drip("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned())
    })
    .await?;
    let policy = Policy {
        total_timeout: Duration::from_millis(300),
        ..policy()?
    };

    let timeout = get(policy, &format!("http://{}/", server.address)).await?;

    assert!(matches!(timeout, Err(Error::Timeout(_))), "{timeout:?}");
    Ok(())
}

#[tokio::test]
async fn the_reason_of_a_failed_download_is_kept_short() -> anyhow::Result<()> {
    let server = Server::start(|_| {
        Reply::Flood("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned())
    })
    .await?;

    let expired = get(policy()?, &format!("http://{}/", server.address)).await??;

    assert_eq!((expired.status, expired.bytes.len()), (403, 16 * 1024));
    Ok(())
}
