//! Pictures that are made from pictures.

use e2e::Pipeline;
use serde_json::json;

use super::gallery::{Gallery, black_to_the_left};
use super::{differing, open_to_sources, picture, route};
use crate::customer::looks;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_black_in_the_mask_changes_and_nothing_else() -> anyhow::Result<()> {
    let gallery = Gallery::open([("mask.png", black_to_the_left(1024, 1024)?)]).await?;
    let pipeline = Pipeline::start(open_to_sources()).await?;
    let first = json!({"prompt": "a red kite over dunes", "presets": []});
    let first = pipeline.desk.made(&first).await?;
    let before = picture(&pipeline, &first).await?;

    // Each of these routes reads masks in a way of its own.
    for (operation, model, expected) in [
        ("edit", "V_3", "/v2/image/inpaint/ideogram-3"),
        (
            "edit",
            "ideogram-4-5",
            "/v2/image/precise-edit/ideogram-4-5",
        ),
        (
            "edit",
            "gpt-image-2-5-flare",
            "/v2/image/generate/gpt-image-2-5-flare",
        ),
        (
            "generate",
            "ideogram-4-5",
            "/v2/image/generate/ideogram-4-5",
        ),
    ] {
        let request = json!({
            "operation": operation, "model": model, "prompt": "a sea instead", "presets": [],
            "sourceImages": [first["images"][0]["id"]], "mask": gallery.url("mask.png"),
        });
        let edited = pipeline.desk.made(&request).await?;

        assert_eq!(route(&pipeline, &edited)?, expected);
        assert_eq!(edited["sourceImages"][0], first["images"][0]["id"]);
        let after = picture(&pipeline, &edited).await?;
        let [black, white] = differing(&before, &after);
        assert!(
            black > 0.9,
            "{model}: only {black} of the black part changed"
        );
        assert!(white == 0.0, "{model}: {white} of the white part changed");
    }
    assert_eq!(pipeline.provider.bill().len(), 5);
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_is_worked_on_in_every_other_way() -> anyhow::Result<()> {
    let gallery = Gallery::open([("kite.png", testkit::png(96, 64)?)]).await?;
    let pipeline = Pipeline::start(open_to_sources()).await?;
    let remixed = (1248, 832);
    for (operation, fields, expected, size) in [
        (
            "edit",
            json!({"prompt": "at night"}),
            "/v2/image/precise-edit/ideogram-4-5",
            (96, 64),
        ),
        (
            "remix",
            json!({"prompt": "in oil", "imageWeight": 70}),
            "/v2/image/remix/ideogram-3",
            remixed,
        ),
        (
            "reframe",
            json!({"aspectRatio": "1:1"}),
            "/v2/image/reframe/ideogram-3",
            (1024, 1024),
        ),
        (
            "replace-background",
            json!({"prompt": "a beach"}),
            "/v2/image/replace-background/ideogram-3",
            (96, 64),
        ),
        (
            "upscale",
            json!({"upscaleFactor": "x2"}),
            "/v2/image/upscale/auto",
            (192, 128),
        ),
        (
            "upscale",
            json!({"upscaleFactor": "x4", "model": "topaz-standard-2"}),
            "/v2/image/upscale/topaz-standard-2",
            (384, 256),
        ),
    ] {
        let mut request = fields.clone();
        request["operation"] = operation.into();
        request["sourceImages"] = json!([gallery.url("kite.png")]);
        request["presets"] = json!([]);
        let made = pipeline.desk.made(&request).await?;

        assert_eq!(made["operation"], operation);
        assert_eq!(route(&pipeline, &made)?, expected);
        let dimensions = picture(&pipeline, &made).await?.dimensions();
        assert_eq!(dimensions, size, "{operation}");
    }
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_background_that_is_removed_can_be_seen_through() -> anyhow::Result<()> {
    let gallery = Gallery::open([("kite.png", testkit::png(96, 64)?)]).await?;
    let pipeline = Pipeline::start(open_to_sources()).await?;
    let request = json!({
        "operation": "remove-background", "sourceImages": [gallery.url("kite.png")],
        "presets": ["thumbnail"],
    });
    let made = pipeline.desk.made(&request).await?;

    let expected = "/v2/image/remove-background/ideogram-1";
    assert_eq!(route(&pipeline, &made)?, expected);
    let picture = picture(&pipeline, &made).await?;
    assert_eq!(picture.dimensions(), (96, 64));
    assert_eq!(picture.get_pixel(0, 0).0[3], 0);
    assert_eq!(picture.get_pixel(48, 32).0[3], 255);
    assert_eq!(made["images"][0]["derivatives"][0]["preset"], "thumbnail");
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_nats_pictures_are_handed_in_by_name_too() -> anyhow::Result<()> {
    let gallery = Gallery::open([("kite.png", testkit::png(96, 64)?)]).await?;
    let pipeline = Pipeline::start(open_to_sources()).await?;
    let mut news = pipeline.broker.subscribe("generation.*").await?;
    for (name, end) in [
        ("gone.png", "generation.failed"),
        ("kite.png", "generation.completed"),
    ] {
        let request = json!({
            "operation": "upscale", "sourceImages": [gallery.url(name)], "presets": [],
        });
        pipeline
            .broker
            .publish("generation.requested", request.to_string())
            .await?;
        let mut heard = news.next().await?;
        while heard.header("ce-type").is_empty() {
            // What we have published ourselves.
            heard = news.next().await?;
        }
        assert_eq!(heard.header("ce-type"), end, "{name}: {}", heard.body);
        if end == "generation.failed" {
            assert_eq!(heard.body["error"]["code"], "source_unavailable");
        } else {
            assert_eq!(heard.body["job"]["operation"], "upscale");
            let size = looks(&pipeline, &heard.body["images"][0]["url"]).await?;
            assert_eq!(size, (192, 128));
        }
    }
    assert_eq!(pipeline.provider.bill().len(), 1);
    pipeline.stop().await
}
