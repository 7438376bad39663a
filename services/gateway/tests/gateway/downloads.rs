//! The file that people keep: it says where it comes from, to each reader what he may know.

use bytes::Bytes;
use domain::{Event, GenerationId, ImageId, Job};
use imaging::Limits;
use reqwest::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, RANGE, VARY,
};
use reqwest::{RequestBuilder, Response, StatusCode};
use storage::{Key, Meta, Store};

use crate::desk::{Desk, completed, job};

const PROMPT: &str = "a red kite & dunes, \"Sale\"";
const FOREVER: &str = "public, max-age=31536000, immutable";

/// A generation whose picture is stored, and where its bytes are.
struct Stored {
    job: Job,
    path: String,
    png: Bytes,
}

impl Desk {
    async fn stored(&self, labelled: bool) -> anyhow::Result<Stored> {
        let job = job(GenerationId::generate(), PROMPT)?;
        let end = completed(&job);
        let key = end.images[0].key.clone().unwrap_or_default();
        self.bus.ledger().append(end.clone(), 0).await?;
        let png = Bytes::from(testkit::png(64, 48)?);
        let meta = match labelled {
            true => Meta::of(job.labels(end.images[0].id, end.images[0].seed))?,
            false => Meta::new(),
        };
        let store = Store::open(&self.storage_url, |_| None)?;
        store
            .put_new_with(&Key::parse(&key)?, png.clone(), &meta)
            .await?;
        let path = format!("/assets/{key}?download");
        Ok(Stored { job, path, png })
    }
}

/// The answer's headers are looked at by whoever asks; this is its body, which must be the picture.
async fn text(answer: Response, png: &[u8]) -> anyhow::Result<String> {
    assert_eq!(answer.status(), StatusCode::OK);
    let bytes = answer.bytes().await?;
    let limits = Limits::default();
    let (file, original) = (
        imaging::decode(&bytes, &limits)?,
        imaging::decode(png, &limits)?,
    );
    assert_eq!(
        (file.width(), file.height()),
        (original.width(), original.height())
    );
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn headers(request: RequestBuilder) -> anyhow::Result<reqwest::header::HeaderMap> {
    Ok(request.send().await?.headers().clone())
}

#[tokio::test]
async fn a_download_has_a_name_and_says_where_it_comes_from() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let Stored { job, path, png } = desk.stored(true).await?;

    let answer = desk.get(&path).header(RANGE, "bytes=1-3").send().await?;
    let headers = answer.headers().clone();
    assert_eq!(headers[CONTENT_TYPE], "image/png");
    assert_eq!(headers[CACHE_CONTROL], FOREVER);
    assert_eq!(headers[ACCEPT_RANGES], "none");
    assert_eq!(
        headers[CONTENT_DISPOSITION],
        "attachment; filename=\"a-red-kite-dunes-sale-0.png\""
    );
    assert_eq!(
        headers["content-security-policy"],
        "default-src 'none'; sandbox"
    );
    let length: usize = headers[CONTENT_LENGTH].to_str()?.parse()?;
    assert!(length > png.len());
    let text = text(answer, &png).await?;
    for said in [
        "trainedAlgorithmicMedia",
        "Ideogram via Darkroom (simulated)",
        "<Iptc4xmpExt:AISystemVersionUsed>V_2<",
        &format!("<dc:identifier>{}<", ImageId::of(job.id, 0)),
        &format!("<xmp:CreateDate>{}<", job.accepted_at),
        "a red kite &amp; dunes, &quot;Sale&quot;\nseed: 7<",
    ] {
        assert!(text.contains(said), "{said}");
    }

    let known = desk
        .get(&path)
        .header(IF_NONE_MATCH, &headers[ETAG])
        .send()
        .await?;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(known.headers()[ETAG], headers[ETAG]);
    // The bytes that are shown are others, and have another tag.
    let shown = desk.get(path.trim_end_matches("?download")).send().await?;
    assert_ne!(shown.headers()[ETAG], headers[ETAG]);
    assert_eq!(shown.headers().get(CONTENT_DISPOSITION), None);
    assert_eq!(shown.bytes().await?, png);
    desk.close().await
}

#[tokio::test]
async fn strangers_learn_from_a_download_what_is_kept_beside_it() -> anyhow::Result<()> {
    let keys = "dk_0123456789abcdef,dk_fedcba9876543210@acme";
    let desk = Desk::open_with(&[("DARKROOM_API_KEYS", keys)]).await?;
    let Stored { job, path, png } = desk.stored(true).await?;

    let mut tags = Vec::new();
    for (key, may_know) in [
        (Some("dk_0123456789abcdef"), true),
        (Some("dk_fedcba9876543210"), false),
        (Some("dk_nobody9876543210"), false),
        (None, false),
    ] {
        let asked = key
            .into_iter()
            .fold(desk.get(&path), |asked, key| asked.bearer_auth(key));
        let answer = asked.send().await?;
        let headers = answer.headers().clone();
        assert_eq!(headers[VARY], "authorization, api-key");
        let cache = headers[CACHE_CONTROL].to_str()?;
        assert_eq!(cache == FOREVER, !may_know, "{cache}");
        let name = headers[CONTENT_DISPOSITION].to_str()?;
        assert_eq!(name.contains("kite"), may_know, "{name}");
        assert_eq!(name.contains(&job.id.to_string()), !may_know, "{name}");
        let text = text(answer, &png).await?;
        assert_eq!(text.contains("a red kite"), may_know, "{key:?}");
        assert!(text.contains("Ideogram via Darkroom (simulated)"));
        assert!(text.contains(&ImageId::of(job.id, 0).to_string()));
        tags.push(headers[ETAG].clone());
    }
    assert_ne!(tags[0], tags[1]);
    assert!(tags[1..].iter().all(|tag| *tag == tags[1]));
    desk.close().await
}

#[tokio::test]
async fn what_nobody_knows_anything_of_is_handed_out_as_it_is() -> anyhow::Result<()> {
    let desk = Desk::open_with(&[("DARKROOM_API_KEYS", "dk_0123456789abcdef")]).await?;
    let Stored { path, png, .. } = desk.stored(false).await?;
    let answer = desk.get(&path).send().await?;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.bytes().await?, png);

    // Broken pictures are somebody's, too.
    let Stored { job, .. } = desk.stored(false).await?;
    let store = Store::open(&desk.storage_url, |_| None)?;
    let key = Key::generated(&job.id, 1, &"ab".repeat(32), "png")?;
    store.put_new(&key, "no picture".into()).await?;
    let broken = desk
        .get(&format!("/assets/{key}?download"))
        .bearer_auth("dk_0123456789abcdef");
    assert_eq!(broken.send().await?.bytes().await?, "no picture");
    desk.close().await
}

#[tokio::test]
async fn many_at_once_are_all_served() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let Stored { path, .. } = desk.stored(true).await?;
    let downloads = (0..64).map(async |_| headers(desk.get(&path)).await);
    let answers = futures::future::try_join_all(downloads).await?;
    assert!(
        answers
            .iter()
            .all(|answer| answer[ETAG] == answers[0][ETAG])
    );
    desk.close().await
}

#[tokio::test]
async fn what_was_deleted_is_no_download_either() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let Stored { job, path, .. } = desk.stored(true).await?;
    let key = Key::parse(
        path.trim_start_matches("/assets/")
            .trim_end_matches("?download"),
    )?;
    Store::open(&desk.storage_url, |_| None)?
        .delete(&key)
        .await?;
    let deleted = domain::AssetDeleted {
        id: job.id,
        tenant: job.tenant.clone(),
        image: ImageId::of(job.id, 0),
        reason: "retention".to_owned(),
        keys: vec![key.to_string()],
        bytes: 9,
        at: jiff::Timestamp::now(),
    };
    desk.bus
        .publish(&Event::from(deleted), &bus::Expect::First)
        .await?;

    for path in [path.as_str(), path.trim_end_matches("?download")] {
        let answer = desk.get(path).send().await?;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    desk.close().await
}
