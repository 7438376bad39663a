//! What a picture shows, in words.

use e2e::Pipeline;
use serde_json::json;

use super::gallery::Gallery;
use super::{open_to_sources, route};
use crate::customer::hears_until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_is_described_in_words_and_nothing_is_stored() -> anyhow::Result<()> {
    let gallery = Gallery::open([("kite.png", testkit::png(96, 64)?)]).await?;
    let pipeline = Pipeline::start(open_to_sources()).await?;
    for (model, expected) in [
        ("V_3", "/v2/image/describe/ideogram-3"),
        ("ideogram-4", "/v2/image/describe/ideogram-4"),
    ] {
        let request = json!({
            "operation": "describe", "model": model, "sourceImages": [gallery.url("kite.png")],
            "callbackUrl": pipeline.customer.url(),
        });
        let described = pipeline.desk.made(&request).await?;

        assert_eq!(route(&pipeline, &described)?, expected);
        let text = described["texts"][0].as_str().unwrap_or_default();
        assert!(text.contains("96x64 pixels"), "{described}");
        assert_eq!(described["images"], json!([]));
        assert_eq!(described["requested"], 0);
        let heard = hears_until(&pipeline, "ideogram.generation.ready").await?;
        assert_eq!(heard.len(), 2, "{heard:?}");
        for (_, body) in heard {
            assert_eq!(body["jobId"], described["id"]);
            assert_eq!(body["texts"], described["texts"]);
            assert_eq!(body["images"], json!([]));
        }
    }
    assert_eq!(pipeline.provider.bill().len(), 2);
    pipeline.stop().await
}
