//! Pictures that cannot be used are refused before anything is paid.

use e2e::{Options, Pipeline};
use reqwest::Method;
use serde_json::{Value, json};

use super::gallery::{Gallery, black_to_the_left, white};
use super::open_to_sources;

const MINE: &str = "dk_mine-0123456789abcdef0123";
const THEIRS: &str = "dk_theirs-0123456789abcdef01";

/// It failed at the door for the sake of `field`, and nobody was charged.
fn is_refused(failed: &Value, code: &str, field: &str) {
    assert_eq!(failed["status"], "failed", "{failed}");
    let error = &failed["error"];
    assert_eq!(error["code"], code, "{failed}");
    assert_eq!(error["phase"], "admission", "{failed}");
    assert_eq!(error["billed"], "no", "{failed}");
    let message = error["message"].as_str().unwrap_or_default();
    assert!(message.contains(&format!("`{field}`")), "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_usable_picture_is_refused_by_the_name_of_its_field() -> anyhow::Result<()> {
    let kite = testkit::png(96, 64)?;
    let gallery = Gallery::open([
        ("half.png", kite[..kite.len() / 2].to_vec()),
        ("kite.png", kite),
        ("page.html", b"<html>a kite</html>".to_vec()),
        ("white.png", white(96, 64)?),
        ("small.png", black_to_the_left(48, 32)?),
    ])
    .await?;
    let pipeline = Pipeline::start(open_to_sources()).await?;
    let nobodys = "img_01h455vb4pex5vsknk084sn02q";
    let source = |url: String| json!({"sourceImages": [url]});
    let mask = |name| json!({"sourceImages": [gallery.url("kite.png")], "mask": gallery.url(name)});
    for (fields, code, field) in [
        (
            source(gallery.url("gone.png")),
            "source_unavailable",
            "sourceImages[0]",
        ),
        (
            source(gallery.url("page.html")),
            "source_unavailable",
            "sourceImages[0]",
        ),
        (
            source(gallery.url("half.png")),
            "source_unavailable",
            "sourceImages[0]",
        ),
        (
            source("http://kites.invalid/".to_owned()),
            "source_unavailable",
            "sourceImages[0]",
        ),
        (
            source(nobodys.to_owned()),
            "source_unavailable",
            "sourceImages[0]",
        ),
        (mask("gone.png"), "source_unavailable", "mask"),
        (mask("white.png"), "invalid_field", "mask"),
        (mask("small.png"), "unsupported", "mask"),
    ] {
        let mut request = fields;
        request["operation"] = "edit".into();
        request["prompt"] = "a sea instead".into();
        let failed = pipeline.desk.outcome(&request).await?;
        is_refused(&failed, code, field);
    }
    assert_eq!(pipeline.provider.bill(), []);
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_are_fetched_only_where_that_is_allowed() -> anyhow::Result<()> {
    let gallery = Gallery::open([("kite.png", testkit::png(96, 64)?)]).await?;
    let pipeline = Pipeline::start(Options::default()).await?;
    let request = json!({
        "operation": "remove-background", "sourceImages": [gallery.url("kite.png")],
    });

    let failed = pipeline.desk.outcome(&request).await?;
    is_refused(&failed, "invalid_field", "sourceImages[0]");
    assert_eq!(pipeline.provider.bill(), []);
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_works_on_the_pictures_of_others() -> anyhow::Result<()> {
    let keys = format!("{MINE}@me,{THEIRS}@them");
    let pipeline = Pipeline::start(Options::default().env("DARKROOM_API_KEYS", keys)).await?;
    let asks = async |key: &str, request: Value| {
        let post = pipeline.desk.request(Method::POST, "/v1/generations");
        let post = post.bearer_auth(key).header("prefer", "wait=30");
        let answer = post.body(request.to_string()).send().await?;
        anyhow::Ok(serde_json::from_str::<Value>(&answer.text().await?)?)
    };
    let first = json!({"prompt": "a red kite", "presets": []});
    let ready = asks(THEIRS, first).await?;
    assert_eq!(ready["status"], "ready", "{ready}");

    let source = &ready["images"][0]["id"];
    let request = json!({"operation": "remove-background", "sourceImages": [source]});
    is_refused(
        &asks(MINE, request.clone()).await?,
        "source_unavailable",
        "sourceImages[0]",
    );
    assert_eq!(pipeline.provider.bill().len(), 1);
    let theirs = asks(THEIRS, request).await?;
    assert_eq!(theirs["status"], "ready", "{theirs}");
    pipeline.stop().await
}
