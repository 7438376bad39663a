//! Masks are written for whoever reads them, and of one colour they are refused.

mod samples;

use anyhow::Result;
use imaging::{Changed, Error, Limits, Mask, decode};
use png::{BitDepth, ColorType};

/// Four pixels: black, dark grey, light grey, white.
fn greys() -> Result<Vec<u8>> {
    samples::png(
        4,
        1,
        ColorType::Grayscale,
        BitDepth::Eight,
        &[0, 120, 140, 255],
    )
}

fn pixels(png: &[u8]) -> Result<(ColorType, Vec<u8>)> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().unwrap_or_default()];
    let frame = reader.next_frame(&mut pixels)?;
    pixels.truncate(frame.buffer_size());
    Ok((frame.color_type, pixels))
}

#[test]
fn each_reader_gets_its_own_colours() -> Result<()> {
    let mask = Mask::read(&greys()?, &Limits::default())?;

    let black = pixels(&mask.png(Changed::Black)?)?;
    assert_eq!(black, (ColorType::Grayscale, vec![0, 0, 255, 255]));
    let white = pixels(&mask.png(Changed::White)?)?;
    assert_eq!(white, (ColorType::Grayscale, vec![255, 255, 0, 0]));
    let (color, alpha) = pixels(&mask.png(Changed::Transparent)?)?;
    assert_eq!(color, ColorType::Rgba);
    let alpha: Vec<u8> = alpha.chunks(4).map(|pixel| pixel[3]).collect();
    assert_eq!(alpha, [0, 0, 255, 255]);
    Ok(())
}

#[test]
fn the_size_and_the_meaning_survive() -> Result<()> {
    let draw = |x: u32, y: u32| {
        if (x / 7 + y / 5).is_multiple_of(2) {
            0
        } else {
            255
        }
    };
    let drawn: Vec<u8> = (0..61)
        .flat_map(|y| (0..97).map(move |x| draw(x, y)))
        .collect();
    let file = samples::png(97, 61, ColorType::Grayscale, BitDepth::Eight, &drawn)?;
    let mask = Mask::read(&file, &Limits::default())?;

    let written = mask.png(Changed::Black)?;
    let picture = decode(&written, &Limits::default())?;
    assert_eq!((picture.width(), picture.height()), (97, 61));
    assert_eq!(Mask::read(&written, &Limits::default())?, mask);
    Ok(())
}

#[test]
fn what_is_transparent_is_kept() -> Result<()> {
    let file = samples::png(
        2,
        1,
        ColorType::Rgba,
        BitDepth::Eight,
        &[0, 0, 0, 255, 0, 0, 0, 0],
    )?;
    let mask = Mask::read(&file, &Limits::default())?;

    assert_eq!(pixels(&mask.png(Changed::Black)?)?.1, [0, 255]);
    Ok(())
}

#[test]
fn a_mask_of_one_colour_is_refused_by_the_other() -> Result<()> {
    for (grey, absent) in [(255, "black"), (0, "white")] {
        let file = samples::png(2, 2, ColorType::Grayscale, BitDepth::Eight, &[grey; 4])?;
        let read = Mask::read(&file, &Limits::default());
        assert!(
            matches!(read, Err(Error::OneColor { missing }) if missing == absent),
            "{read:?}"
        );
    }
    let read = Mask::read(b"no picture", &Limits::default());
    assert!(matches!(read, Err(Error::UnknownFormat)), "{read:?}");
    Ok(())
}
