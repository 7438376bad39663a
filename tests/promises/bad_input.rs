//! Bad input: refused by the name of the field, charged to nobody, and the next request is served.

use e2e::{Options, Pipeline};
use reqwest::Method;
use serde_json::{Value, json};

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/protobuf";

/// A request that is refused: its body, the field to blame, and the code.
struct Bad {
    content_type: &'static str,
    body: Vec<u8>,
    field: &'static str,
    code: &'static str,
}

fn bad() -> Vec<Bad> {
    let long = "x".repeat(10_001);
    let fields = [
        (
            json!({"prompt": "p", "stlye": "DESIGN"}),
            "stlye",
            "unknown_field",
        ),
        (json!({"prompt": 7}), "prompt", "invalid_field"),
        (json!({"prompt": ""}), "prompt", "invalid_field"),
        (json!({}), "prompt", "missing_field"),
        (json!({"prompt": long}), "prompt", "invalid_field"),
        (
            json!({"prompt": "p", "aspectRatio": "7x3"}),
            "aspectRatio",
            "unsupported",
        ),
        (
            json!({"prompt": "p", "numImages": 0}),
            "numImages",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "numImages": 9}),
            "numImages",
            "invalid_field",
        ),
        (json!({"prompt": "p", "seed": -1}), "seed", "invalid_field"),
        (
            json!({"prompt": "p", "seed": 2_147_483_648_u32}),
            "seed",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "callbackUrl": "ftp://a.test/"}),
            "callbackUrl",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "callbackUrl": "javascript:1"}),
            "callbackUrl",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "operation": "paint"}),
            "operation",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "onDuplicate": "perhaps"}),
            "onDuplicate",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "onWithheld": "perhaps"}),
            "onWithheld",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "onUnknown": "perhaps"}),
            "onUnknown",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "presets": ["thumbnail", {"preset": "instagram", "gravity": "up"}]}),
            "presets[1].gravity",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "presets": [{"preset": "instagram", "maxBytes": 1}]}),
            "presets[0].maxBytes",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "operation": "upscale"}),
            "sourceImages",
            "missing_field",
        ),
    ];
    let bodies: [(&str, &[u8]); 4] = [
        (JSON, b"{\"prompt\":"),
        (JSON, b"\xff\xfe"),
        (JSON, b""),
        // A text that is longer than the body.
        (PROTOBUF, b"\x0a\x7fkite"),
    ];
    let of_field = fields.into_iter().map(|(body, field, code)| Bad {
        content_type: JSON,
        body: body.to_string().into_bytes(),
        field,
        code,
    });
    let of_body = bodies.into_iter().map(|(content_type, body)| Bad {
        content_type,
        body: body.to_owned(),
        field: "body",
        code: "invalid_body",
    });
    let other = [
        Bad {
            content_type: "text/plain",
            body: b"a boat".to_vec(),
            field: "body",
            code: "unsupported_media_type",
        },
        Bad {
            content_type: JSON,
            body: vec![b' '; (1 << 20) + 1],
            field: "body",
            code: "body_too_large",
        },
    ];
    of_field.chain(of_body).chain(other).collect()
}

/// So that it is for us to refuse large bodies.
fn roomy() -> Options {
    Options {
        nats: "max_payload: 4MB",
        ..Options::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_nats_a_bad_request_fails_at_admission() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(roomy()).await?;
    let mut news = pipeline.broker.subscribe("generation.failed").await?;
    let all = bad();
    for bad in &all {
        let headers = [("Content-Type", bad.content_type)];
        pipeline
            .broker
            .publish_as("generation.requested", &headers, bad.body.clone())
            .await?;
        let failed = news.next().await?.body;
        let error = &failed["error"];
        assert_eq!(error["code"], bad.code, "{failed}");
        assert_eq!(error["phase"], "admission", "{failed}");
        assert_eq!(error["billed"], "no", "{failed}");
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.contains(&format!("`{}`", bad.field)), "{failed}");
    }

    goes_on(&pipeline).await?;
    let ends = pipeline.broker.ends().await?;
    let failed = ends.iter().filter(|(name, _)| name == "failed").count();
    assert_eq!(failed, all.len());
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_a_bad_request_is_a_problem() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(roomy()).await?;
    for bad in bad() {
        let problem = refused(&pipeline, bad.content_type, bad.body).await?;
        assert_eq!(problem["code"], bad.code, "{problem}");
        assert_eq!(problem["billed"], "no", "{problem}");
        let field = problem["field"].as_str().unwrap_or("body");
        assert_eq!(field, bad.field, "{problem}");
    }

    goes_on(&pipeline).await?;
    // None of them was put into the ledger.
    assert_eq!(pipeline.broker.ends().await?.len(), 1);
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_mebibytes_are_refused_before_they_are_stored() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(roomy()).await?;
    let large = vec![b' '; 2 << 20];

    let problem = refused(&pipeline, JSON, large.clone()).await?;
    assert_eq!(problem["code"], "body_too_large");
    assert_eq!(problem["status"], 413);
    // `nats pub -J` is told, and nobody else could be: the server does not store it.
    let jetstream = &pipeline.broker.jetstream;
    let told = jetstream
        .publish("generation.requested", large.into())
        .await?;
    let refusal = told.await.err().map(|err| err.to_string());
    assert!(refusal.is_some_and(|why| why.contains("message size exceeds")));

    goes_on(&pipeline).await?;
    pipeline.stop().await
}

async fn refused(pipeline: &Pipeline, content_type: &str, body: Vec<u8>) -> anyhow::Result<Value> {
    let request = pipeline.desk.request(Method::POST, "/v1/generations");
    let response = request
        .header("content-type", content_type)
        .body(body)
        .send()
        .await?;
    assert!(response.status().is_client_error(), "{}", response.status());
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    Ok(serde_json::from_str(&response.text().await?)?)
}

/// Nothing was bought so far, and the next request is served.
async fn goes_on(pipeline: &Pipeline) -> anyhow::Result<()> {
    assert_eq!(pipeline.provider.bill(), []);
    let asked = pipeline
        .desk
        .post(&json!({"prompt": "a boat", "presets": []}))
        .await?;
    pipeline
        .desk
        .ready(asked["id"].as_str().unwrap_or_default())
        .await?;
    assert_eq!(pipeline.provider.bill().len(), 1);
    Ok(())
}
