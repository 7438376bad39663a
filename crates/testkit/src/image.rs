use std::io::Cursor;

use image::{ImageFormat, ImageResult, Rgb, RgbImage};

/// A PNG file of `width` x `height` pixels: red grows to the right, green downwards, and blue
/// alternates in squares of 16, so that crops, scales and mirrored pictures can be told apart.
///
/// # Errors
///
/// If either side is 0 or the picture does not fit into memory.
pub fn png(width: u32, height: u32) -> ImageResult<Vec<u8>> {
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let square = (x / 16 + y / 16) % 2 == 0;
        Rgb([
            share(x, width),
            share(y, height),
            if square { 200 } else { 40 },
        ])
    });
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png)?;
    Ok(file.into_inner())
}

/// `part` of `whole`, from 0 to 255.
fn share(part: u32, whole: u32) -> u8 {
    let share = u64::from(part) * 255 / u64::from(whole.max(1));
    u8::try_from(share).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::png;

    #[test]
    fn it_is_a_png_of_that_size() -> anyhow::Result<()> {
        let picture = image::load_from_memory_with_format(&png(33, 20)?, image::ImageFormat::Png)?;
        assert_eq!((picture.width(), picture.height()), (33, 20));
        Ok(())
    }
}
