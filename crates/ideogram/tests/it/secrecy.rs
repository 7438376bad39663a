//! The key, and the configuration that holds it.

use std::error::Error as _;

use ideogram::{Api, Client, Config, Error};
use serde_json::json;
use url::Url;

use crate::provider::Reply;
use crate::{KEY, call, config, poll, refused, submit};

/// Everything an error shows, with all its causes.
fn shown(err: &Error) -> String {
    let mut text = format!("{err:?} {err:#?} {err}");
    let mut cause = err.source();
    while let Some(err) = cause {
        text.push_str(&format!(" {err} {err:?}"));
        cause = err.source();
    }
    text
}

#[tokio::test]
async fn the_key_is_shown_nowhere() -> anyhow::Result<()> {
    let config = config("http://127.0.0.1:1/")?;
    assert!(!format!("{config:?}").contains(KEY));
    let client = Client::new(config)?;
    assert!(!format!("{client:?}").contains(KEY));
    let unsent = refused(client.submit(&call(Api::Auto)?, &[]).await)?;
    assert!(!shown(&unsent).contains(KEY));

    let echo = format!("the key {KEY} is bad");
    for reply in [
        Reply::json(401, &json!({ "message": echo })),
        Reply::text(403, &echo),
        Reply::text(500, &echo),
        Reply::text(200, &echo),
    ] {
        let err = refused(submit(reply, Api::Auto).await?)?;
        assert!(shown(&err).contains("the key … is bad"), "{err:?}");
        assert!(!shown(&err).contains(KEY), "{err:?}");
    }
    let failed = poll(Reply::json(
        200,
        &json!({"status": "failed", "failure_reason": echo}),
    ))
    .await??;
    assert!(!format!("{failed:?}").contains(KEY));
    Ok(())
}

#[test]
fn a_configuration_that_cannot_work_is_refused_by_name() -> anyhow::Result<()> {
    for bad in [
        "ftp://api.ideogram.ai",
        "http://api.ideogram.ai",
        "https://me:pw@api.ideogram.ai",
        "https://api.ideogram.ai/?a=b",
        "data:text/plain,x",
    ] {
        let err = refused(Client::new(config(bad)?))?;
        assert!(
            matches!(
                err,
                Error::Config {
                    field: "base_url",
                    ..
                }
            ),
            "{bad}: {err:?}"
        );
    }
    let empty = Config::new(Url::parse("https://api.ideogram.ai")?, String::new());
    assert!(matches!(
        Client::new(empty),
        Err(Error::Config {
            field: "api_key",
            ..
        })
    ));
    Ok(())
}
