use domain::{Derivative, Image};

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
            derivatives: image.derivatives.into_iter().map(Into::into).collect(),
            error: image.error.map(TryInto::try_into).transpose()?,
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
        }
    }
}

impl From<v1::Derivative> for Derivative {
    fn from(derivative: v1::Derivative) -> Self {
        Self {
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
        }
    }
}
