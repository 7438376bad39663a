use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::geometry::Plan;
use crate::raster::Raster;
use crate::{Encoding, Error, Format, Picture, Preset, Provenance, encode};

/// A finished image, with what was done to get it.
#[derive(Debug, Clone)]
pub struct Cut {
    /// The file.
    pub bytes: Vec<u8>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The format of the file.
    pub format: Format,
    /// The share of the source's area that was cut away, 0 to 1.
    pub crop_loss: f32,
    /// Whether the kept part had to be enlarged.
    pub upscaled: bool,
}

/// Cuts `preset` from `picture` and marks it as made by a model. Nothing of the source's metadata but
/// its colour profile gets into the file. CPU-bound: about 10 ms for a megapixel.
///
/// # Errors
///
/// [`Error::Pixels`], [`Error::Resize`], [`Error::EncodeJpeg`] or [`Error::EncodePng`]; none is
/// expected of a decoded picture and a parsed preset.
pub fn cut(picture: &Picture, preset: &Preset, provenance: &Provenance) -> Result<Cut, Error> {
    let source = (picture.width(), picture.height());
    let plan = Plan::new(source, preset);
    let resized = resize(&picture.raster, &plan)?;
    let xmp = provenance.xmp();
    let profile = picture.profile.as_deref();
    let bytes = match preset.encoding {
        Encoding::Jpeg { quality } => {
            let raster = resized.flattened().on_canvas(plan.canvas, plan.offset);
            encode::jpeg(&raster, quality, xmp, profile)?
        }
        Encoding::Png => encode::png(&resized.on_canvas(plan.canvas, plan.offset), xmp, profile)?,
    };
    Ok(Cut {
        bytes,
        width: plan.canvas.0,
        height: plan.canvas.1,
        format: preset.encoding.format(),
        crop_loss: plan.crop_loss(source),
        upscaled: plan.upscaled(),
    })
}

/// Crops and resizes in one pass.
fn resize(source: &Raster, plan: &Plan) -> Result<Raster, Error> {
    let pixel_type = source.pixel_type();
    let from = ImageRef::new(source.width, source.height, &source.pixels, pixel_type)
        .map_err(Error::Pixels)?;
    let mut to = Image::new(plan.inner.0, plan.inner.1, pixel_type);
    // Bicubic draws no rings around lettering when it enlarges and costs a third less; Lanczos keeps
    // more detail when it shrinks. Without alpha there is nothing to multiply by.
    let filter = if plan.upscaled() {
        FilterType::CatmullRom
    } else {
        FilterType::Lanczos3
    };
    let crop = plan.crop;
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .crop(crop.left, crop.top, crop.width, crop.height)
        .use_alpha(source.alpha);
    Resizer::new()
        .resize(&from, &mut to, &options)
        .map_err(Error::Resize)?;
    Ok(Raster {
        width: plan.inner.0,
        height: plan.inner.1,
        alpha: source.alpha,
        pixels: to.into_vec(),
    })
}
