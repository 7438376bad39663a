//! The canvas as a PNG that says where it comes from.

use std::io::Write;

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
            let mut rows = writer.stream_writer()?;
            let width = canvas.width as usize;
            let mut row = Vec::with_capacity(width * 4);
            for (colours, alphas) in canvas.pixels.chunks(width * 3).zip(alpha.chunks(width)) {
                row.clear();
                for (colour, alpha) in colours.chunks_exact(3).zip(alphas) {
                    row.extend_from_slice(colour);
                    row.push(*alpha);
                }
                rows.write_all(&row)?;
            }
            rows.finish()?;
        }
    }
    writer.finish()?;
    Ok(out.into())
}
