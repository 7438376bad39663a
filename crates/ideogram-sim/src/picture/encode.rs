//! The canvas as a PNG that says where it comes from.

use bytes::Bytes;

use super::paint::Canvas;

/// Encodes fast: the grain leaves little to compress.
pub(super) fn png(canvas: &Canvas) -> Result<Bytes, png::EncodingError> {
    let mut out = Vec::with_capacity(canvas.pixels.len() / 2);
    let mut encoder = png::Encoder::new(&mut out, canvas.width, canvas.height);
    encoder.set_color(match canvas.alpha {
        Some(_) => png::ColorType::Rgba,
        None => png::ColorType::Rgb,
    });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.add_text_chunk("Software".to_owned(), "darkroom simulator".to_owned())?;
    let mut writer = encoder.write_header()?;
    match &canvas.alpha {
        None => writer.write_image_data(&canvas.pixels)?,
        Some(alpha) => {
            let mut rows = Vec::with_capacity(alpha.len() * 4);
            for (colour, alpha) in canvas.pixels.chunks_exact(3).zip(alpha) {
                rows.extend_from_slice(colour);
                rows.push(*alpha);
            }
            writer.write_image_data(&rows)?;
        }
    }
    writer.finish()?;
    Ok(out.into())
}
