use crate::aim::aim;
use crate::encode::{Encoded, Marks, encode, encode_strips};
use crate::geometry::{Crop, Plan};
use crate::raster::Raster;
use crate::resized::{Resized, resize};
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
    let marks = Marks {
        xmp: &provenance.xmp(picture.credentials),
        profile: picture.profile.as_deref(),
    };
    let Encoded {
        bytes,
        quality,
        over_budget,
    } = match preset.encoding {
        Encoding::Jpeg { quality } if in_strips(picture, preset, &plan) => {
            encode_strips(&mut Resized::new(&picture.raster, &plan), quality, &marks)?
        }
        _ => encode(&laid_out(picture, preset, &plan)?, preset, &marks)?,
    };
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

/// Whether the whole result is never needed at once: to try other qualities, to lay something around it
/// or it on something.
fn in_strips(picture: &Picture, preset: &Preset, plan: &Plan) -> bool {
    preset.max_bytes.is_none() && plan.inner == plan.canvas && !picture.has_alpha()
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
