//! What is asked of each cloud.

use std::{collections::HashMap, time::Duration};

use anyhow::Context;
use axum::http::Method;
use bytes::Bytes;
use storage::{Error, Meta, Put, Store};

use crate::{
    key,
    stand_in::{AZURE_KEY, Moods, StandIn},
};

const TTL: Duration = Duration::from_secs(900);

/// How a cloud says what all of them can.
struct Dialect {
    scheme: &'static str,
    if_absent: (&'static str, &'static str),
    content_type: &'static str,
    cache_control: &'static str,
    meta: &'static str,
}

const DIALECTS: [Dialect; 3] = [
    Dialect {
        scheme: "s3",
        if_absent: ("if-none-match", "*"),
        content_type: "content-type",
        cache_control: "cache-control",
        meta: "x-amz-meta-",
    },
    // https://docs.cloud.google.com/storage/docs/xml-api/reference-headers
    Dialect {
        scheme: "gs",
        if_absent: ("x-goog-if-generation-match", "0"),
        content_type: "content-type",
        cache_control: "cache-control",
        meta: "x-goog-meta-",
    },
    // https://learn.microsoft.com/en-us/rest/api/storageservices/put-blob
    Dialect {
        scheme: "az",
        if_absent: ("if-none-match", "*"),
        content_type: "x-ms-blob-content-type",
        cache_control: "x-ms-blob-cache-control",
        meta: "x-ms-meta-",
    },
];

#[tokio::test]
async fn an_object_says_what_it_is_and_that_it_never_changes() -> anyhow::Result<()> {
    for dialect in DIALECTS {
        let server = StandIn::start(Moods::default()).await?;
        let store = server.store(dialect.scheme)?;
        let mut meta = Meta::new();
        meta.set("generation", "gen_1")?;
        meta.set("campaign", "Frühling 100 %")?;

        let mut puts = Vec::new();
        for bytes in ["pixels", "pixels", "others"] {
            puts.push(store.put_new_with(&key()?, bytes.into(), &meta).await);
        }

        assert!(
            matches!(
                puts[..],
                [
                    Ok(Put::Created),
                    Ok(Put::AlreadyThere),
                    Err(Error::Different { .. })
                ]
            ),
            "{puts:?}"
        );
        let head = store.head(&key()?).await?.context("no head")?;
        assert_eq!((head.size, head.meta), (6, meta));
        for asked in server.asked() {
            let (name, value) = dialect.if_absent;
            assert_eq!(asked.path, format!("/images/prod/{}", key()?));
            for (name, value) in [
                (name, value),
                (dialect.content_type, "image/png"),
                (dialect.cache_control, "public, max-age=31536000, immutable"),
                (&format!("{}generation", dialect.meta), "gen_1"),
                (
                    &format!("{}campaign", dialect.meta),
                    "Fr%C3%BChling%20100%20%25",
                ),
            ] {
                let said = asked.headers.get(name).context(name.to_owned())?;
                assert_eq!(said, value, "{}: {name}", dialect.scheme);
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_deleted_is_named() -> anyhow::Result<()> {
    for scheme in ["s3", "gs", "az"] {
        let server = StandIn::start(Moods::default()).await?;
        let store = server.store(scheme)?;
        store
            .put_new(&key()?, Bytes::from_static(b"pixels"))
            .await?;

        assert_eq!(store.delete_all(&[key()?]).await?, [key()?]);
        assert_eq!(store.delete_all(&[key()?]).await?, []);

        let asked = server.asked();
        let deleted: Vec<&str> = asked
            .iter()
            .filter(|asked| asked.method == Method::DELETE)
            .map(|asked| asked.path.as_str())
            .collect();
        assert_eq!(deleted, [format!("/images/prod/{}", key()?)], "{scheme}");
        store.health(0).await?;
    }
    Ok(())
}

fn open(url: &str, env: &[(&str, &str)]) -> Result<Store, Error> {
    let env: HashMap<&str, &str> = env.iter().copied().collect();
    Store::open(url, |name| env.get(name).map(|value| (*value).to_owned()))
}

#[tokio::test]
async fn google_gives_links_that_end() -> anyhow::Result<()> {
    // Made for this test; it opens nothing.
    let account = serde_json::json!({
        "client_email": "test@example.com",
        "private_key": include_str!("service-account.pem"),
        "private_key_id": "1",
    });
    let store = open(
        "gs://images/prod",
        &[("GOOGLE_SERVICE_ACCOUNT_KEY", &account.to_string())],
    )?;

    let shown = store.presign_get(&key()?, TTL).await?.context("no link")?;

    assert_eq!(shown.host_str(), Some("storage.googleapis.com"));
    assert_eq!(shown.path(), format!("/images/prod/{}", key()?));
    let query: HashMap<_, _> = shown.query_pairs().into_owned().collect();
    assert_eq!(query.get("X-Goog-Expires").context("no end")?, "900");
    assert_eq!(
        query.get("X-Goog-Signature").context("unsigned")?.len(),
        512
    );
    Ok(())
}

#[tokio::test]
async fn azure_gives_links_that_end() -> anyhow::Result<()> {
    let store = open(
        "az://images/prod",
        &[
            ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
            ("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY),
        ],
    )?;

    let shown = store.presign_get(&key()?, TTL).await?.context("no link")?;

    assert_eq!(shown.host_str(), Some("account.blob.core.windows.net"));
    assert_eq!(shown.path(), format!("/images/prod/{}", key()?));
    let query: HashMap<_, _> = shown.query_pairs().into_owned().collect();
    assert_eq!(query.get("sp").context("no permission")?, "r");
    assert!(
        query.contains_key("se") && query.contains_key("sig"),
        "{shown}"
    );
    Ok(())
}
