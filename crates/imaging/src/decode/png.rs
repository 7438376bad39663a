mod plain;

use std::io::Cursor;

use png::{ColorType, Decoder, DecodingError, Limits, Transformations};

use crate::container;
use crate::raster::Raster;
use crate::{Error, Picture};

/// For a row, and for a colour profile with its compressed form: the only things that the decoder
/// allocates from lengths which it reads itself.
const MAX_SIDE_ALLOC: usize = 4 << 20;

/// Decodes `bytes`, which have passed the limits and the check of structure and CRCs. The `png` crate
/// is used directly, since `image` inflates text chunks and gives no way to leave them out.
pub(super) fn decode(bytes: &[u8]) -> Result<Picture, Error> {
    if let Some(raster) = container::png::plain(bytes)?.and_then(|plain| plain::decode(&plain)) {
        return Ok(Picture::new(raster, None));
    }
    let essential = container::png::essential(bytes)?;
    let mut decoder = Decoder::new_with_limits(
        Cursor::new(essential.as_ref()),
        Limits {
            bytes: MAX_SIDE_ALLOC,
        },
    );
    decoder.ignore_checksums(true);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);

    let mut reader = decoder.read_info().map_err(Error::DecodePng)?;
    let size = reader
        .output_buffer_size()
        .ok_or(Error::DecodePng(DecodingError::LimitsExceeded))?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(Error::DecodePng)?;
    let profile = reader.info().icc_profile.as_deref().map(<[u8]>::to_vec);

    let raster = Raster {
        width: frame.width,
        height: frame.height,
        alpha: matches!(
            frame.color_type,
            ColorType::Rgba | ColorType::GrayscaleAlpha
        ),
        pixels: in_color(frame.color_type, pixels),
    };
    Ok(Picture::new(raster, profile))
}

/// Spreads grey to three equal channels; `EXPAND` has already done so with palettes.
fn in_color(color: ColorType, pixels: Vec<u8>) -> Vec<u8> {
    match color {
        ColorType::Grayscale => pixels.iter().flat_map(|&grey| [grey; 3]).collect(),
        ColorType::GrayscaleAlpha => {
            let (pairs, _) = pixels.as_chunks::<2>();
            pairs
                .iter()
                .flat_map(|&[grey, alpha]| [grey, grey, grey, alpha])
                .collect()
        }
        ColorType::Rgb | ColorType::Rgba | ColorType::Indexed => pixels,
    }
}
