//! The shapes among which a request may be drawn.

use domain::{Draft, PresetChoice};

use super::*;

fn open() -> Draft {
    Draft {
        presets: Some(vec![PresetChoice::from("og-image")]),
        ..Draft::default()
    }
}

fn names(shapes: &[Shape]) -> Vec<String> {
    let name = |shape: &Shape| match (shape.aspect_ratio, shape.resolution) {
        (Some(ratio), None) => format!("{}x{}={}", ratio.width, ratio.height, shape.size),
        (None, Some(size)) => size.to_string(),
        both => format!("{both:?}"),
    };
    shapes.iter().map(name).collect()
}

#[test]
fn every_model_is_offered_what_it_draws_at_one_price() -> anyhow::Result<()> {
    #[rustfmt::skip]
    let table = [
        (Model::V1, 11), (Model::V2, 15), (Model::V2Turbo, 15), (Model::V2A, 15), (Model::V3, 15),
        (Model::V4, 38), (Model::ZImage, 15),
        // Larger pictures by 4.5 may be dearer.
        (Model::V45, 13),
        // The model decides on the size, or another shape has another price.
        (Model::Auto, 0), (Model::PImage, 0), (Model::GptImage2, 0), (Model::NanoBanana2, 0),
        (Model::NanoBananaPro, 0), (Model::GptImage25Flare, 0),
    ];
    for (model, count) in table {
        let request = kite(model);
        let shapes = shapes(&request, Api::Auto);
        assert_eq!(shapes.len(), count, "{model}: {:?}", names(&shapes));
        let usual = plan(&request, Api::Auto)?;
        let first = shapes.first().map(|shape| shape.aspect_ratio);
        assert!(
            first.is_none_or(|ratio| ratio == request.aspect_ratio),
            "{model}"
        );

        for shape in shapes {
            let request = Request {
                aspect_ratio: shape.aspect_ratio,
                resolution: shape.resolution,
                ..request.clone()
            };
            let call = plan(&request, Api::Auto)?;
            let name = names(&[shape]);
            assert_eq!(call.resolution, Some(shape.size), "{model} {name:?}");
            assert_eq!(
                (call.route, call.upper_bound),
                (usual.route, usual.upper_bound)
            );
        }
    }
    Ok(())
}

#[test]
fn a_size_is_asked_for_by_its_ratio_where_that_is_drawn_in_this_size() {
    let shapes = names(&shapes(&kite(Model::V4), Api::Auto));
    for shape in [
        "1x1=1024x1024",
        "2x1=1440x720",
        "8x3=3328x1248",
        "2048x2048",
        "2880x1440",
    ] {
        assert!(
            shapes.iter().any(|name| name == shape),
            "{shape}: {shapes:?}"
        );
    }
}

#[test]
fn what_goes_by_another_route_is_not_offered() -> anyhow::Result<()> {
    // With a palette it is the old route, which has no 2x1.
    let request = with(kite(Model::V2), "colorPalette", "EMBER")?;
    let shapes = shapes(&request, Api::Auto);
    assert_eq!(shapes.len(), 11, "{:?}", names(&shapes));
    // Nobody published what a model of one's own costs.
    let custom = Request {
        custom_model: Some("model/kites/version/1".to_owned()),
        ..kite(Model::V3)
    };
    assert_eq!(super::super::shapes(&custom, Api::Auto), []);
    Ok(())
}

#[test]
fn only_a_shape_that_was_left_open_is_chosen() {
    let last = |sizes: &[(u32, u32)]| sizes.len().checked_sub(1);
    let fitted = |draft: &Draft, request: Request| {
        let mut fitted = request.clone();
        let picked = fit(draft, &mut fitted, Api::Auto, last);
        assert_eq!(picked, fitted != request, "{draft:?}");
        picked.then_some(fitted)
    };

    let wide = fitted(&open(), kite(Model::V3));
    let wide = wide.and_then(|request| request.aspect_ratio);
    assert_eq!(
        wide,
        Some(AspectRatio {
            width: 3,
            height: 1
        })
    );
    let some = |text: &str| Some(text.to_owned());
    #[rustfmt::skip]
    let closed = [
        Draft { presets: None, ..open() },
        Draft { presets: Some(Vec::new()), ..open() },
        Draft { aspect_ratio: some("1x1"), ..open() },
        Draft { resolution: some("1024x1024"), ..open() },
        Draft { resolution_tier: some("1k"), ..open() },
        Draft { source_images: vec!["https://a.test/kite.png".to_owned()], ..open() },
        Draft { operation: some("remix"), ..open() },
        Draft { operation: some("reframe"), ..open() },
    ];
    for draft in closed {
        assert_eq!(fitted(&draft, kite(Model::V3)), None, "{draft:?}");
    }
    let mut request = kite(Model::V3);
    assert!(!fit(&open(), &mut request, Api::Auto, |_| None));
    assert_eq!(request, kite(Model::V3));
}
