//! Pictures: no key, cached for ever, any part of them; from a CDN, where there is one.

use bytes::Bytes;
use reqwest::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, LOCATION, RANGE,
};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use storage::{Key, Store};

use crate::desk::Desk;

const KEY: &str = "generated/gen_01h455vb4pex5vsknk084sn02q/0-0123456789ab.png";

#[tokio::test]
async fn a_picture_is_served_whole_in_part_or_not_again() -> anyhow::Result<()> {
    let desk = Desk::open_with(&[("DARKROOM_API_KEYS", "dk_0123456789abcdef")]).await?;
    let picture = Bytes::from(testkit::png(64, 48)?);
    let store = Store::open(&desk.storage_url, |_| None)?;
    store.put_new(&Key::parse(KEY)?, picture.clone()).await?;
    let path = format!("/assets/{KEY}");

    let whole = desk.get(&path).send().await?;
    assert_eq!(whole.status(), StatusCode::OK);
    let headers = whole.headers().clone();
    assert_eq!(headers[CONTENT_TYPE], "image/png");
    assert_eq!(
        headers[CACHE_CONTROL],
        "public, max-age=31536000, immutable"
    );
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(
        headers["content-security-policy"],
        "default-src 'none'; sandbox"
    );
    assert_eq!(whole.bytes().await?, picture);

    let known = desk
        .get(&path)
        .header(IF_NONE_MATCH, &headers[ETAG])
        .send()
        .await?;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(known.headers()[ETAG], headers[ETAG]);

    let part = desk.get(&path).header(RANGE, "bytes=1-3").send().await?;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(
        part.headers()[CONTENT_RANGE],
        format!("bytes 1-3/{}", picture.len())
    );
    assert_eq!(part.bytes().await?, Bytes::from_static(b"PNG"));

    let behind = desk
        .get(&path)
        .header(RANGE, "bytes=9999999-")
        .send()
        .await?;
    assert_eq!(behind.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(
        behind.headers()[CONTENT_RANGE],
        format!("bytes */{}", picture.len())
    );

    let head = desk.http.head(format!("{}{path}", desk.url)).send().await?;
    assert_eq!(
        head.headers()[CONTENT_LENGTH],
        picture.len().to_string().as_str()
    );
    assert!(head.bytes().await?.is_empty());
    desk.close().await
}

#[tokio::test]
async fn a_picture_is_read_from_the_cdn_as_long_as_it_is_there() -> anyhow::Result<()> {
    let cdn = ("DARKROOM_STORAGE_PUBLIC_URL", "https://cdn.example/kites");
    let mut desk = Desk::open_with(&[cdn]).await?;
    desk.http = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .build()?;
    let store = Store::open(&desk.storage_url, |_| None)?;
    let (shown, handed_in) = (Key::parse(KEY)?, Key::source(&"0f".repeat(32), "png")?);
    for key in [&shown, &handed_in] {
        store.put_new(key, testkit::png(64, 48)?.into()).await?;
    }
    let path = format!("/assets/{KEY}");

    for asked in [
        desk.get(&path),
        desk.get(&path).header(RANGE, "bytes=1-3"),
        desk.http.head(format!("{}{path}", desk.url)),
    ] {
        let sent = asked.send().await?;
        assert_eq!(sent.status(), StatusCode::FOUND);
        let there = format!("https://cdn.example/kites/{KEY}");
        assert_eq!(sent.headers()[LOCATION], there.as_str());
        assert_eq!(sent.headers()[CACHE_CONTROL], "private, max-age=300");
    }
    // Its marks and its name are ours to give.
    let kept = desk.get(&format!("{path}?download")).send().await?;
    assert_eq!(kept.status(), StatusCode::OK);
    assert!(kept.headers().contains_key(CONTENT_DISPOSITION));

    store.delete(&shown).await?;
    for key in [&shown, &handed_in] {
        let answer = desk.get(&format!("/assets/{key}")).send().await?;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{key}");
    }
    desk.close().await
}

#[tokio::test]
async fn what_is_no_picture_is_not_found() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let store = Store::open(&desk.storage_url, |_| None)?;
    store
        .put_new(
            &Key::parse("batches/bat_1/list.csv")?,
            Bytes::from_static(b"a,b"),
        )
        .await?;

    for key in [
        KEY,
        "batches/bat_1/list.csv",
        "generated/../.darkroom",
        "generated/%2e%2e/%2e%2e/etc/passwd",
        "generated/%ff",
        ".darkroom",
        "generated",
    ] {
        let response = desk.get(&format!("/assets/{key}")).send().await?;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{key}");
        assert_eq!(
            response.headers()[CONTENT_TYPE],
            "application/problem+json",
            "{key}"
        );
    }
    desk.close().await
}
