//! Every model that draws from words.

use anyhow::Context as _;
use e2e::{Options, Pipeline};
use futures::future::try_join_all;
use serde_json::{Value, json};

use super::gallery::Gallery;
use super::picture;

const CUSTOM: &str = "model/kites/version/1";

/// What is asked for, and the route that draws it.
fn wishes(gallery: &Gallery) -> Vec<(Value, &'static str)> {
    let kite = gallery.url("kite.png");
    vec![
        (json!({"model": "V_1"}), "/generate"),
        (json!({"model": "V_1_TURBO"}), "/generate"),
        (json!({"model": "V_2"}), "/v2/image/generate/ideogram-2"),
        (
            json!({"model": "V_2_TURBO"}),
            "/v2/image/generate/ideogram-2",
        ),
        (json!({"model": "V_2A"}), "/v2/image/generate/ideogram-2a"),
        (
            json!({"model": "V_2A_TURBO"}),
            "/v2/image/generate/ideogram-2a",
        ),
        (
            json!({"model": "V_2", "colorPalette": {"name": "EMBER"}}),
            "/generate",
        ),
        (json!({"model": "V_3"}), "/v2/image/generate/ideogram-3"),
        (
            json!({"model": "V_3", "stylePreset": "WATERCOLOR", "renderingSpeed": "QUALITY"}),
            "/v2/image/generate/ideogram-3",
        ),
        (
            json!({"model": "V_3", "styleCodes": ["0123abcd"]}),
            "/v2/image/generate/ideogram-3",
        ),
        (
            json!({"model": "V_3", "styleReferences": [kite]}),
            "/v2/image/generate/ideogram-3",
        ),
        (
            json!({"model": "V_3", "characterReference": kite}),
            "/v2/image/generate/ideogram-3-character",
        ),
        (
            json!({"model": "V_3", "customModel": CUSTOM}),
            "/v2/image/generate/ideogram-3-custom-model",
        ),
        (
            json!({"model": "V_3", "transparent": true}),
            "/v2/image/generate/ideogram-3-transparent",
        ),
        (
            json!({"model": "ideogram-4"}),
            "/v2/image/generate/ideogram-4",
        ),
        (
            json!({"model": "ideogram-4", "transparent": true}),
            "/v2/image/generate/ideogram-4-transparent",
        ),
        (
            json!({"model": "ideogram-4", "customModel": CUSTOM}),
            "/v2/image/generate/ideogram-4-custom-model",
        ),
        (
            json!({"model": "ideogram-4-5"}),
            "/v2/image/generate/ideogram-4-5",
        ),
        (
            json!({"model": "ideogram-4-5", "sourceImages": [kite]}),
            "/v2/image/generate/ideogram-4-5",
        ),
        (json!({"model": "auto"}), "/v2/image/generate/auto"),
        (
            json!({"model": "auto", "sourceImages": [kite, kite]}),
            "/v2/image/generate/auto",
        ),
        (
            json!({"model": "p-image-ideogram"}),
            "/v2/image/generate/p-image-ideogram",
        ),
        (json!({"model": "z-image"}), "/v2/image/generate/z-image"),
        (
            json!({"model": "gpt-image-2"}),
            "/v2/image/generate/gpt-image-2",
        ),
        (
            json!({"model": "gpt-image-2-5-flare", "transparent": true}),
            "/v2/image/generate/gpt-image-2-5-flare",
        ),
        (
            json!({"model": "gpt-image-2-5-sunburst"}),
            "/v2/image/generate/gpt-image-2-5-sunburst",
        ),
        (
            json!({"model": "nano-banana-2", "sourceImages": [kite]}),
            "/v2/image/generate/nano-banana-2",
        ),
        (
            json!({"model": "nano-banana-pro"}),
            "/v2/image/generate/nano-banana-pro",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_model_that_draws_from_words_draws() -> anyhow::Result<()> {
    let gallery = Gallery::open([("kite.png", testkit::png(64, 48)?)]).await?;
    let options = Options::default().env("DARKROOM_SOURCE_ALLOW", "127.0.0.0/8");
    let pipeline = Pipeline::start(options).await?;
    let wishes = wishes(&gallery);

    let asked = wishes.iter().enumerate().map(async |(n, (wish, route))| {
        let mut request = wish.clone();
        request["prompt"] = format!("kite number {n}").into();
        request["presets"] = json!([]);
        let ready = pipeline.desk.made(&request).await;
        let ready = ready.with_context(|| format!("{wish} by {route}"))?;
        anyhow::Ok((ready, wish, *route))
    });
    let drawn = try_join_all(asked).await?;

    let bill = pipeline.provider.bill();
    assert_eq!(bill.len(), wishes.len());
    for (ready, wish, route) in drawn {
        let mut charges = bill
            .iter()
            .filter(|charge| ready["prompt"] == charge.prompt);
        let charge = charges
            .next()
            .with_context(|| format!("not bought: {wish}"))?;
        assert!(charges.next().is_none(), "bought twice: {wish}");
        assert_eq!(charge.route, route, "{wish}");
        assert_eq!(ready["model"], wish["model"]);
        assert_eq!(
            ready["cost"]["settledUsdMicros"], charge.usd_micros,
            "{wish}"
        );
        let reserved = ready["cost"]["reservedUsdMicros"].as_i64();
        assert!(reserved >= Some(charge.usd_micros), "{wish}: {reserved:?}");

        let picture = picture(&pipeline, &ready).await?;
        let seen_through = picture.get_pixel(0, 0).0[3] == 0;
        assert_eq!(seen_through, wish["transparent"] == true, "{wish}");
    }
    pipeline.stop().await
}
