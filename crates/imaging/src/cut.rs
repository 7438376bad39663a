use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::aim::aim;
use crate::encode::{Encoded, Marks, encode};
use crate::geometry::{Crop, Plan};
use crate::raster::Raster;
use crate::{Encoding, Error, Fit, Format, Picture, Preset, Provenance};

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
    /// The part of the source that was kept.
    pub crop: Crop,
    /// Whether the picture seems to have lettering that is not whole in the cut. Looked for with
    /// [`Gravity::TextSafe`](crate::Gravity::TextSafe) only, and false for all other gravities.
    pub text_at_risk: bool,
    /// The quality of the file, lower than the preset's where its bytes are limited; none for PNG.
    pub quality: Option<u8>,
    /// Whether the file has more bytes than the preset allows even with the least quality.
    pub over_budget: bool,
}

/// Cuts `preset` from `picture` and marks it as made by a model.
///
/// Nothing of the source's metadata but its colour profile gets into the file; that it had a C2PA
/// manifest is noted. CPU-bound: about 10 ms for a megapixel, and a second for AVIF.
///
/// # Errors
///
/// [`Error::Pixels`], [`Error::Resize`], [`Error::EncodePng`],
/// [`Error::EncodeWebp`] or [`Error::EncodeAvif`]; none is
/// expected of a decoded picture and a parsed preset.
pub fn cut(picture: &Picture, preset: &Preset, provenance: &Provenance) -> Result<Cut, Error> {
    let source = (picture.width(), picture.height());
    let aim = aim(picture, preset);
    let plan = Plan::aimed(source, preset, aim.gravity);
    let raster = laid_out(picture, preset, &plan)?;
    let marks = Marks {
        xmp: &provenance.xmp(picture.credentials),
        profile: picture.profile.as_deref(),
    };
    let Encoded {
        bytes,
        quality,
        over_budget,
    } = encode(&raster, preset, &marks)?;
    Ok(Cut {
        bytes,
        width: plan.canvas.0,
        height: plan.canvas.1,
        format: preset.encoding.format(),
        crop_loss: plan.crop_loss(source),
        upscaled: plan.upscaled(),
        crop: plan.crop,
        text_at_risk: aim.text_at_risk,
        quality,
        over_budget,
    })
}

/// The pixels of the result, without alpha where its format has none.
fn laid_out(picture: &Picture, preset: &Preset, plan: &Plan) -> Result<Raster, Error> {
    let resized = resize(&picture.raster, plan)?;
    let resized = match preset.encoding {
        Encoding::Jpeg { .. } => resized.flattened(),
        Encoding::Png | Encoding::Webp { .. } | Encoding::Avif { .. } => resized,
    };
    if preset.fit == Fit::Extend && plan.inner != plan.canvas {
        let ground = backdrop(picture, preset, resized.alpha)?;
        return Ok(resized.laid_on(ground, plan.offset));
    }
    Ok(resized.on_canvas(plan.canvas, plan.offset))
}

/// The picture without its details, filling the whole size.
fn backdrop(picture: &Picture, preset: &Preset, alpha: bool) -> Result<Raster, Error> {
    /// As many pixels of the longest side are left of it.
    const BLURRED: usize = 16;
    let small = picture.small().within(BLURRED);
    let raster = Raster {
        width: small.width as u32,
        height: small.height as u32,
        alpha: true,
        pixels: small.pixels.into_flattened(),
    };
    let cover = Preset {
        fit: Fit::Cover,
        ..preset.clone()
    };
    let plan = Plan::new((raster.width, raster.height), &cover);
    let raster = if alpha { raster } else { raster.flattened() };
    resize(&raster, &plan)
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
