//! Descriptions of pictures.

use ideogram_sim::Config;

use crate::harness::{Form, Rig, gradient, png};

const V4: &str = "/v2/image/describe/ideogram-4";

#[tokio::test]
async fn a_description_tells_one_picture_from_another() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    let mut texts = Vec::new();
    for image in [gradient(), image::RgbaImage::new(32, 16)] {
        let form = Form::default().file("image", &png(&image)?);
        let answer = rig.send("/v2/image/describe/ideogram-3", form).await?;
        texts.push(answer.text_at("/descriptions/0/text")?);
    }

    assert!(
        texts[0].contains("64x64") && texts[1].contains("32x16"),
        "{texts:?}"
    );
    assert!(texts[1].contains("#000000"), "{texts:?}");
    Ok(())
}

#[tokio::test]
async fn a_structured_description_has_the_parts_that_were_asked_for() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    let form = Form::default().file("image", &png(&gradient())?);

    let usual = rig.send(V4, form.clone()).await?.json;
    let asked = form
        .text("include_bbox", "false")
        .text("include_style_descriptions", "true")
        .text("include_tags", "true");
    let asked = rig.send(V4, asked).await?.json;

    let bbox = "/json_prompt/compositional_deconstruction/elements/0/bbox";
    assert!(usual.pointer(bbox).is_some() && asked.pointer(bbox).is_none());
    assert!(usual.pointer("/json_prompt/style_description").is_none());
    assert!(asked.pointer("/json_prompt/style_description").is_some());
    assert!(asked.pointer("/json_prompt/tags").is_some(), "{asked}");
    Ok(())
}

#[tokio::test]
async fn a_dry_run_of_a_description_runs_and_bills() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;

    let form = Form::default()
        .text("async", "true")
        .file("image", &png(&gradient())?);
    let answer = rig.send(&format!("{V4}?dry_run=true"), form).await?;

    assert!(answer.json["json_prompt"].is_object(), "{answer:?}");
    assert_eq!(rig.sim.bill().len(), 1);
    Ok(())
}
