//! What came of a call, if no answer came.

use std::time::Duration;

use domain::{Billed, Draft};
use ideogram::{Action, Answer, Api, Client, Error, RejectKind, plan};
use ideogram_sim::{FaultKind, Picture, Simulator};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::pictures::{files, picture, pinned};
use crate::provider::{Provider, Reply};
use crate::{ID, call, client, config, refused, submit};

#[tokio::test]
async fn what_is_no_answer_may_have_been_billed() -> anyhow::Result<()> {
    let whole = json!({ "generation_id": ID }).to_string();
    let huge = format!(
        "{{\"generation_id\":\"{ID}\",\"x\":\"{}\"}}",
        "x".repeat(4 * 1024 * 1024)
    );

    for (reply, status) in [
        (Reply::text(200, whole.trim_end_matches("\"}")), 200),
        (
            Reply::text(200, "<!doctype html><title>Just a moment</title>"),
            200,
        ),
        (Reply::text(200, ""), 200),
        (Reply::text(204, ""), 204),
        (Reply::text(200, "[]"), 200),
        (
            Reply::json(200, &json!({"error": "failed", "status_code": 500})),
            200,
        ),
        (Reply::json(200, &json!({ "request_id": ID })), 200),
        (Reply::json(200, &json!({ "generation_id": "" })), 200),
        (Reply::json(200, &json!({ "generation_id": ".." })), 200),
        (Reply::text(200, &huge), 200),
        (
            Reply::text(302, "").header("location", "/v2/elsewhere"),
            302,
        ),
        (Reply::text(408, ""), 408),
        (Reply::text(409, ""), 409),
        (Reply::json(500, &json!({ "error": "oops" })), 500),
        (Reply::text(503, "<html>held too long</html>"), 503),
        (Reply::text(504, ""), 504),
    ] {
        let shown = format!("{reply:.80?}");
        let err = refused(submit(reply, Api::Auto).await?)?;

        assert_eq!(err.billed(), Billed::Unknown, "{shown}");
        assert!(!err.is_repeatable(), "{shown}");
        let Error::Ambiguous {
            status: got,
            excerpt,
            ..
        } = err
        else {
            anyhow::bail!("{err:?}")
        };
        assert_eq!(got, Some(status), "{shown}");
        assert!(excerpt.len() <= 2048, "{shown}");
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_that_is_refused_sent_nothing() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    drop(listener);

    let err = refused(client(&url)?.submit(&call(Api::Auto)?, &[]).await)?;

    assert!(matches!(err, Error::NotSent(_)), "{err:?}");
    assert_eq!((err.billed(), err.is_repeatable()), (Billed::No, true));
    let poll = refused(client(&url)?.poll(ID).await)?;
    assert!(
        matches!(
            poll,
            Error::Unavailable {
                action: Action::Poll,
                ..
            }
        ),
        "{poll:?}"
    );
    Ok(())
}

/// Accepts one connection, reads from it until `enough`, says `words`, and hangs up.
async fn hang_up(
    enough: fn(&[u8]) -> bool,
    words: &'static [u8],
) -> anyhow::Result<(String, tokio::task::JoinHandle<anyhow::Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let host = listener.local_addr()?.to_string();
    let server = tokio::spawn(async move {
        let (mut stream, _): (TcpStream, _) = listener.accept().await?;
        let mut read = Vec::new();
        while !enough(&read) && stream.read_buf(&mut read).await? > 0 {}
        stream.write_all(words).await?;
        Ok(())
    });
    Ok((host, server))
}

fn whole_request(read: &[u8]) -> bool {
    read.ends_with(b"}")
}

#[tokio::test]
async fn a_handshake_that_fails_sent_nothing() -> anyhow::Result<()> {
    let (host, server) = hang_up(|read| !read.is_empty(), b"I speak no TLS").await?;

    let err = refused(
        client(&format!("https://{host}"))?
            .submit(&call(Api::Auto)?, &[])
            .await,
    )?;

    assert!(matches!(err, Error::NotSent(_)), "{err:?}");
    server.await?
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_may_have_cost_money() -> anyhow::Result<()> {
    for words in [
        b"".as_slice(),
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"generation_id\":\"x\"",
        b"SSH-2.0-OpenSSH\r\n",
    ] {
        let (host, server) = hang_up(whole_request, words).await?;

        let err = refused(
            client(&format!("http://{host}"))?
                .submit(&call(Api::Auto)?, &[])
                .await,
        )?;

        assert!(
            matches!(
                &err,
                Error::Ambiguous {
                    source: Some(_),
                    ..
                }
            ),
            "{err:?}"
        );
        assert_eq!(
            (err.billed(), err.is_repeatable()),
            (Billed::Unknown, false)
        );
        server.await??;
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_counts_even_if_its_reason_breaks_off() -> anyhow::Result<()> {
    const WORDS: &[u8] = b"HTTP/1.1 429 Slow\r\ncontent-length: 99\r\n\r\n{\"error\":\"";
    let (host, server) = hang_up(whole_request, WORDS).await?;

    let err = refused(
        client(&format!("http://{host}"))?
            .submit(&call(Api::Auto)?, &[])
            .await,
    )?;

    assert!(
        matches!(
            err,
            Error::Rejected {
                kind: RejectKind::RateLimited { .. },
                ..
            }
        ),
        "{err:?}"
    );
    server.await?
}

#[tokio::test]
async fn silence_may_have_cost_money() -> anyhow::Result<()> {
    let provider = Provider::silent().await?;
    let short = Duration::from_millis(500);
    let mut config = config(&provider.url)?;
    (config.submit_timeout, config.poll_timeout) = (short, short);
    let client = Client::new(config)?;

    let err = refused(client.submit(&call(Api::Auto)?, &[]).await)?;
    assert!(
        matches!(err, Error::Ambiguous { status: None, .. }),
        "{err:?}"
    );
    assert_eq!(provider.seen().len(), 1, "sent again");

    let err = refused(client.poll(ID).await)?;
    assert!(matches!(err, Error::Unavailable { .. }), "{err:?}");
    assert_eq!((err.billed(), err.is_repeatable()), (Billed::Unknown, true));
    Ok(())
}

/// A description cannot be polled, so what is not one is lost.
#[tokio::test]
async fn a_description_that_is_none_may_have_been_billed() -> anyhow::Result<()> {
    let draft = Draft {
        operation: Some("describe".to_owned()),
        source_images: vec![picture()],
        ..Draft::default()
    };
    let call = plan(&pinned(&draft)?, Api::Auto)?;
    let files = files(&call)?;
    let describe = async |reply: Reply| -> anyhow::Result<Result<Answer, Error>> {
        let provider = Provider::answering(reply).await?;
        Ok(client(&provider.url)?.submit(&call, &files).await)
    };

    for reply in [
        Reply::json(200, &json!({ "description_id": ID })),
        Reply::json(200, &json!({ "generation_id": ID })),
        Reply::json(200, &json!({ "json_prompt": null })),
        Reply::text(200, "<html>"),
        Reply::text(200, ""),
        Reply::text(503, ""),
    ] {
        let shown = format!("{reply:?}");
        let err = refused(describe(reply).await?)?;
        assert!(matches!(err, Error::Ambiguous { .. }), "{shown}: {err:?}");
    }
    for (body, expected) in [
        (
            json!({"descriptions": [{"text": "a kite"}, {"text": null}, {"text": "dunes"}], "x": 1}),
            vec!["a kite", "dunes"],
        ),
        (
            json!({"description_id": ID, "json_prompt": {"tags": ["kite"]}}),
            vec!["{\"tags\":[\"kite\"]}"],
        ),
        (json!({"descriptions": []}), vec![]),
    ] {
        let answer = describe(Reply::json(200, &body)).await??;
        let Answer::Done { texts, images, .. } = answer else {
            anyhow::bail!("{answer:?}")
        };
        assert_eq!(
            (texts, images.len()),
            (expected.into_iter().map(str::to_owned).collect(), 0)
        );
    }
    Ok(())
}

/// An error inside a success: nobody says whether it was billed, whatever status it claims.
#[tokio::test]
async fn every_broken_answer_of_the_simulator_has_one_meaning() -> anyhow::Result<()> {
    let simulator = Simulator::start(ideogram_sim::Config {
        picture: Picture::Tiny,
        ..ideogram_sim::Config::default()
    })
    .await?;
    let mut config = config(&simulator.api_url())?;
    config.submit_timeout = Duration::from_secs(1);
    let client = Client::new(config)?;

    for (fault, billed) in [
        (FaultKind::HangBeforeAccept, 0),
        (FaultKind::HangAfterAccept, 1),
        (FaultKind::ResetBeforeAccept, 0),
        (FaultKind::ResetAfterAccept, 1),
        (FaultKind::TruncatedJson, 1),
        (FaultKind::HtmlBody, 1),
        (FaultKind::EmptyBody, 1),
        (FaultKind::ErrorInside { status_code: 422 }, 0),
    ] {
        let before = simulator.bill().len();
        let shown = format!("{fault:?}");
        simulator.set_fault(fault)?;
        let err = refused(client.submit(&call(Api::Auto)?, &[]).await)?;
        simulator.clear_faults();

        assert!(matches!(err, Error::Ambiguous { .. }), "{shown}: {err:?}");
        assert_eq!(simulator.bill().len(), before + billed, "{shown}");
    }
    Ok(())
}
