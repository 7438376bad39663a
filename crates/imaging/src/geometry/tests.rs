use proptest::prelude::*;

use super::*;
use crate::Encoding;

fn preset(size: (u32, u32), fit: Fit, gravity: Gravity) -> Preset {
    Preset {
        name: "any".to_owned(),
        width: size.0,
        height: size.1,
        fit,
        gravity,
        encoding: Encoding::Png,
        max_bytes: None,
    }
}

fn gravities() -> impl Strategy<Value = Gravity> {
    (any::<bool>(), 0.0..=1.0, 0.0..=1.0).prop_map(|(focal, x, y)| {
        if focal {
            Gravity::Focal { x, y }
        } else {
            Gravity::Anchor { x, y }
        }
    })
}

fn sizes(most: u32) -> impl Strategy<Value = (u32, u32)> {
    (1..=most, 1..=most)
}

proptest! {
    #[test]
    fn a_cover_lies_inside_the_source_has_the_ratio_and_is_the_largest(
        source in sizes(8192), target in sizes(4096), gravity in gravities(),
    ) {
        let plan = Plan::new(source, &preset(target, Fit::Cover, gravity));

        let Crop { left, top, width, height } = plan.crop;
        let (source_width, source_height) = (f64::from(source.0), f64::from(source.1));
        prop_assert!(left >= 0.0 && top >= 0.0 && width > 0.0 && height > 0.0);
        prop_assert!(left + width <= source_width && top + height <= source_height);
        prop_assert!(width > source_width - 1.0 / GRID || height > source_height - 1.0 / GRID);
        // Each side is right to one step of the grid.
        let ratio = f64::from(target.0) / f64::from(target.1);
        prop_assert!((width - height * ratio).abs() <= (1.0 + ratio) / GRID);
        prop_assert_eq!(plan.canvas, target);
        prop_assert!((0.0..1.0).contains(&plan.crop_loss(source)));
    }

    #[test]
    fn an_inside_keeps_everything_fits_and_never_enlarges(source in sizes(8192), target in sizes(4096)) {
        let plan = Plan::new(source, &preset(target, Fit::Inside, Gravity::CENTER));

        prop_assert!(plan.canvas.0 <= target.0.min(source.0) && plan.canvas.1 <= target.1.min(source.1));
        prop_assert!(!plan.upscaled());
        prop_assert_eq!(plan.crop_loss(source), 0.0);
    }

    #[test]
    fn a_contain_keeps_everything_and_lies_on_its_canvas(
        source in sizes(8192), target in sizes(4096), gravity in gravities(),
    ) {
        let plan = Plan::new(source, &preset(target, Fit::Contain, gravity));

        prop_assert_eq!(plan.canvas, target);
        prop_assert!(plan.offset.0 + plan.inner.0 <= target.0 && plan.offset.1 + plan.inner.1 <= target.1);
        prop_assert!(plan.inner.0 == target.0 || plan.inner.1 == target.1);
        prop_assert_eq!(plan.crop_loss(source), 0.0);
    }
}

#[test]
fn a_focal_point_is_in_the_middle_where_the_edges_allow() {
    let crop = |x| {
        Plan::new(
            (300, 100),
            &preset((100, 100), Fit::Cover, Gravity::Focal { x, y: 0.9 }),
        )
        .crop
    };

    assert_eq!(crop(0.5).left, 100.0);
    assert_eq!(crop(0.4).left, 70.0);
    assert_eq!(crop(0.0).left, 0.0);
    assert_eq!(crop(1.0).left, 200.0);
}

#[test]
fn compass_points_stick_to_their_edges() {
    let crop = |x, y| {
        Plan::new(
            (300, 100),
            &preset((100, 100), Fit::Cover, Gravity::Anchor { x, y }),
        )
        .crop
    };

    assert_eq!(crop(0.0, 0.5).left, 0.0);
    assert_eq!(crop(0.5, 0.5).left, 100.0);
    assert_eq!(crop(1.0, 0.5).left, 200.0);
}
