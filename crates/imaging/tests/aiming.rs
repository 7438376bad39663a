//! Gravities that look at the picture: what draws the eye is kept, and lettering is kept whole.

mod lettering;
mod samples;

use anyhow::Result;
use imaging::{Cut, Limits, Picture, cut, decode};
use lettering::{can_survive, set, survives};
use png::{BitDepth, ColorType};

fn aimed(picture: &Picture, gravity: &str, width: u32, height: u32) -> Result<Cut> {
    let lines = format!(
        "width={width}\nheight={height}\nfit=\"cover\"\nformat=\"jpeg\"\ngravity=\"{gravity}\""
    );
    Ok(cut(
        picture,
        &samples::custom(&lines)?,
        &samples::provenance()?,
    )?)
}

/// Grey, with a disc of some colour.
fn disc(width: u32, height: u32, at: (f64, f64), color: [u8; 3]) -> Result<Picture> {
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let off = (f64::from(x) - at.0).hypot(f64::from(y) - at.1);
            pixels.extend(if off < 40.0 { color } else { [120, 122, 124] });
        }
    }
    let png = samples::png(width, height, ColorType::Rgb, BitDepth::Eight, &pixels)?;
    Ok(decode(&png, &Limits::default())?)
}

#[test]
fn attention_goes_where_colour_and_edges_are() -> Result<()> {
    // A column of what attention looks at has some pixels.
    const NEAR: f64 = 32.0;
    for x in [60.0, 340.0] {
        let crop = aimed(
            &disc(400, 200, (x, 100.0), [230, 60, 30])?,
            "attention",
            100,
            100,
        )?
        .crop;
        assert!(
            crop.left <= x - NEAR && crop.left + crop.width >= x + NEAR,
            "{crop:?}"
        );
        let crop = aimed(
            &disc(200, 400, (100.0, x), [30, 60, 230])?,
            "attention",
            100,
            100,
        )?
        .crop;
        assert!(
            crop.top <= x - NEAR && crop.top + crop.height >= x + NEAR,
            "{crop:?}"
        );
    }
    Ok(())
}

#[test]
fn a_picture_without_anything_is_cut_in_its_middle() -> Result<()> {
    for gravity in ["attention", "text-safe"] {
        let cut = aimed(&disc(400, 200, (-99.0, 0.0), [0; 3])?, gravity, 100, 100)?;
        assert_eq!(
            (cut.crop.left, cut.text_at_risk),
            (100.0, false),
            "{gravity}"
        );
    }
    Ok(())
}

#[test]
fn every_gravity_can_cut_pictures_of_any_size() -> Result<()> {
    for (width, height) in [(1, 1), (3, 900), (900, 3), (130, 70)] {
        let picture = disc(width, height, (30.0, 30.0), [250; 3])?;
        for gravity in ["attention", "text-safe"] {
            let cut = aimed(&picture, gravity, 64, 64)?;
            assert_eq!((cut.width, cut.height), (64, 64));
        }
    }
    Ok(())
}

#[test]
fn lettering_survives_more_often_than_by_any_other_gravity() -> Result<()> {
    let (mut safe, mut centre, mut possible, mut untold) = (0, 0, 0, 0);
    for labelled in set(77, 24)? {
        let cut = aimed(&labelled.picture, "text-safe", 150, 50)?;
        let kept = survives(&labelled, &cut.crop);
        untold += usize::from(!kept && !cut.text_at_risk);
        if can_survive(&labelled, cut.crop.width, cut.crop.height) {
            possible += 1;
            safe += usize::from(kept);
            let middle = aimed(&labelled.picture, "center", 150, 50)?;
            centre += usize::from(survives(&labelled, &middle.crop));
        }
    }
    assert!(possible >= 12);
    assert!(safe * 10 >= possible * 9, "{safe} of {possible}");
    assert!(
        centre * 10 <= possible * 7,
        "{centre} of {possible} prove nothing"
    );
    assert!(untold <= 1, "{untold} losses are not told");
    Ok(())
}
