//! Opening a store: what is checked, and what is said when it does not work.

use std::{collections::HashMap, fs, time::Duration};

use anyhow::Context;
use storage::{Error, Key, Store};

fn no_env(_: &str) -> Option<String> {
    None
}

fn s3(url: &str, env: &[(&'static str, &'static str)]) -> Result<Store, Error> {
    let env: HashMap<&str, &str> = env.iter().copied().collect();
    Store::open(url, |name| env.get(name).map(|value| (*value).to_owned()))
}

const CREDENTIALS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"),
];

#[test]
fn a_kind_of_store_we_do_not_know_is_named() {
    let refused = Store::open("ftp://images", no_env).map_err(|err| err.to_string());

    assert_eq!(
        refused.err().as_deref(),
        Some(
            "storage URL scheme `ftp` is not supported: use file:///path, file://./path, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
        )
    );
}

#[test]
fn a_file_where_the_folder_should_be_is_named() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("data");
    fs::write(&file, b"")?;

    let refused = Store::open(&format!("file://{}", file.display()), no_env);

    let err = refused.err().context("opened a file")?;
    assert!(matches!(err, Error::Folder { .. }), "{err:?}");
    assert_eq!(
        err.to_string(),
        format!("cannot open the data folder `{}`", file.display())
    );
    Ok(())
}

/// Nobody may write there, not even root, to whom the mode of a folder means nothing.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_is_read_only_is_found_out_at_start() -> anyhow::Result<()> {
    let store = Store::open("file:///proc/sys/kernel", no_env)?;

    let refused = store.check_writable().await;

    let err = refused.err().context("wrote into /proc")?;
    assert!(
        matches!(err, Error::NotWritable { .. }) && err.is_permanent(),
        "{err:?}"
    );
    assert!(
        err.to_string()
            .starts_with("cannot write to `file:///proc/sys/kernel`: make it writable"),
        "{err}"
    );
    Ok(())
}

#[tokio::test]
async fn a_bucket_gives_links_that_end() -> anyhow::Result<()> {
    let mut env = CREDENTIALS.to_vec();
    env.push(("AWS_REGION", "eu-central-1"));
    let store = s3("s3://images/prod", &env)?;
    let key = Key::parse("generated/gen_1/0-9f86d081884c.png")?;

    let url = store
        .presign_get(&key, Duration::from_secs(900))
        .await?
        .context("no link")?;
    let longest = store
        .presign_get(&key, Duration::MAX)
        .await?
        .context("no link")?;

    assert_eq!(url.host_str(), Some("s3.eu-central-1.amazonaws.com"));
    assert_eq!(
        url.path(),
        "/images/prod/generated/gen_1/0-9f86d081884c.png"
    );
    let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(query.get("X-Amz-Expires").map(String::as_str), Some("900"));
    assert!(
        query
            .get("X-Amz-Signature")
            .is_some_and(|signature| signature.len() == 64)
    );
    assert!(
        longest.as_str().contains("X-Amz-Expires=604800&"),
        "{longest}"
    );
    Ok(())
}

#[tokio::test]
async fn any_server_that_speaks_s3_will_do() -> anyhow::Result<()> {
    let mut env = CREDENTIALS.to_vec();
    env.push(("AWS_ENDPOINT_URL", "http://127.0.0.1:9000"));
    let store = s3("s3://images", &env)?;
    let key = Key::parse("sources/a.png")?;

    let url = store
        .presign_get(&key, Duration::from_secs(60))
        .await?
        .context("no link")?;

    assert!(
        url.as_str()
            .starts_with("http://127.0.0.1:9000/images/sources/a.png?"),
        "{url}"
    );
    Ok(())
}

#[test]
fn a_bucket_does_not_show_its_credentials() -> anyhow::Result<()> {
    let store = s3("s3://images/prod", &CREDENTIALS)?;

    assert_eq!(
        format!("{store:?}"),
        "Store { location: \"s3://images/prod\", .. }"
    );
    Ok(())
}

#[test]
fn half_of_the_credentials_are_refused_without_being_repeated() -> anyhow::Result<()> {
    let refused = s3("s3://images", &CREDENTIALS[1..]);

    let err = refused.err().context("opened without an access key")?;
    assert!(matches!(err, Error::Configuration { .. }), "{err:?}");
    assert!(!format!("{err:?}").contains("wJalr"), "{err:?}");
    Ok(())
}

#[test]
fn what_is_missing_for_a_bucket_is_named() -> anyhow::Result<()> {
    let refused = Store::open("az://images", no_env);

    let err = refused.err().context("opened without an account")?;
    assert_eq!(
        err.to_string(),
        "cannot set up the client of the bucket, check the AZURE_* variables"
    );
    Ok(())
}

#[test]
fn the_outside_finds_objects_below_the_public_url() -> anyhow::Result<()> {
    let key = Key::parse("generated/gen_1/0-9f86d081884c.png")?;
    let store = s3("s3://images/prod", &CREDENTIALS)?;
    assert_eq!(store.public_url(&key), None);

    for (base, url) in [
        (
            "https://cdn.example.com",
            "https://cdn.example.com/generated/gen_1/0-9f86d081884c.png",
        ),
        (
            "https://example.com/cdn/prod",
            "https://example.com/cdn/prod/generated/gen_1/0-9f86d081884c.png",
        ),
    ] {
        let found = store.clone().with_public_url(base)?.public_url(&key);
        assert_eq!(found.context("no URL")?.as_str(), url);
    }
    Ok(())
}
