use domain::{Derivative, Image, Swatch, Traits};

use crate::read::value;
use crate::{DecodeError, v1};

impl From<&Image> for v1::Image {
    fn from(image: &Image) -> Self {
        Self {
            id: image.id.to_string(),
            index: image.index,
            state: image.state.to_string(),
            key: image.key.clone(),
            url: image.url.clone(),
            width: image.width,
            height: image.height,
            seed: image.seed,
            prompt: image.prompt.clone(),
            format: image.format.clone(),
            bytes: image.bytes,
            sha256: image.sha256.clone(),
            derivatives: image.derivatives.iter().map(Into::into).collect(),
            error: image.error.as_ref().map(Into::into),
            traits: image.traits.as_ref().map(Into::into),
            content_credentials: image.content_credentials,
        }
    }
}

impl TryFrom<v1::Image> for Image {
    type Error = DecodeError;

    fn try_from(image: v1::Image) -> Result<Self, DecodeError> {
        Ok(Self {
            id: value("image.id", &image.id)?,
            index: image.index,
            state: value("image.state", &image.state)?,
            key: image.key,
            url: image.url,
            width: image.width,
            height: image.height,
            seed: image.seed,
            prompt: image.prompt,
            format: image.format,
            bytes: image.bytes,
            sha256: image.sha256,
            derivatives: image
                .derivatives
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, _>>()?,
            error: image.error.map(TryInto::try_into).transpose()?,
            traits: image.traits.map(Into::into),
            content_credentials: image.content_credentials,
        })
    }
}

/// Reads all pictures, or none.
pub(super) fn images(images: Vec<v1::Image>) -> Result<Vec<Image>, DecodeError> {
    images.into_iter().map(TryInto::try_into).collect()
}

impl From<&Derivative> for v1::Derivative {
    fn from(derivative: &Derivative) -> Self {
        Self {
            preset: derivative.preset.clone(),
            key: derivative.key.clone(),
            url: derivative.url.clone(),
            width: derivative.width,
            height: derivative.height,
            format: derivative.format.clone(),
            bytes: derivative.bytes,
            sha256: derivative.sha256.clone(),
            crop_loss: derivative.crop_loss,
            upscaled: derivative.upscaled,
            review: derivative.review.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<v1::Derivative> for Derivative {
    type Error = DecodeError;

    fn try_from(derivative: v1::Derivative) -> Result<Self, DecodeError> {
        let review = derivative.review.iter();
        Ok(Self {
            preset: derivative.preset,
            key: derivative.key,
            url: derivative.url,
            width: derivative.width,
            height: derivative.height,
            format: derivative.format,
            bytes: derivative.bytes,
            sha256: derivative.sha256,
            crop_loss: derivative.crop_loss,
            upscaled: derivative.upscaled,
            review: review
                .map(|word| value("derivative.review", word))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl From<&Traits> for v1::Traits {
    fn from(traits: &Traits) -> Self {
        let swatch = |swatch: &Swatch| v1::Swatch {
            hex: swatch.hex.clone(),
            weight: swatch.weight,
        };
        Self {
            thumbhash: traits.thumbhash.clone(),
            perceptual_hash: traits.perceptual_hash.clone(),
            palette: traits.palette.iter().map(swatch).collect(),
        }
    }
}

impl From<v1::Traits> for Traits {
    fn from(traits: v1::Traits) -> Self {
        let swatch = |swatch: v1::Swatch| Swatch {
            hex: swatch.hex,
            weight: swatch.weight,
        };
        Self {
            thumbhash: traits.thumbhash,
            perceptual_hash: traits.perceptual_hash,
            palette: traits.palette.into_iter().map(swatch).collect(),
        }
    }
}
