//! A picture and its cuts, with links that lead to us.

use domain::{Derivative, Image};
use serde::Serialize;
use wire::v1;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Picture {
    id: String,
    index: u32,
    url: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    seed: Option<i64>,
    format: Option<String>,
    bytes: Option<u64>,
    sha256: Option<String>,
    state: &'static str,
    content_credentials: bool,
    thumbhash: Option<String>,
    perceptual_hash: Option<String>,
    palette: Vec<v1::Swatch>,
    derivatives: Vec<Cut>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cut {
    preset: String,
    url: String,
    width: u32,
    height: u32,
    format: String,
    bytes: u64,
    crop_loss: f32,
    upscaled: bool,
    review: Vec<&'static str>,
}

impl Picture {
    pub(super) fn of(image: &Image, public_url: &str) -> Self {
        let traits = image.traits.as_ref();
        let link = image.key.as_ref().map(|key| link(public_url, key));
        Self {
            id: image.id.to_string(),
            index: image.index,
            url: link.or_else(|| image.url.clone()),
            width: known(image.width),
            height: known(image.height),
            seed: image.seed,
            format: Some(image.format.clone()).filter(|format| !format.is_empty()),
            bytes: known(image.bytes),
            sha256: Some(image.sha256.clone()).filter(|digest| !digest.is_empty()),
            state: image.state.as_str(),
            content_credentials: image.content_credentials,
            thumbhash: traits.map(|traits| traits.thumbhash.clone()),
            perceptual_hash: traits.map(|traits| traits.perceptual_hash.clone()),
            palette: traits.map_or_else(Vec::new, |traits| v1::Traits::from(traits).palette),
            derivatives: image
                .derivatives
                .iter()
                .map(|derivative| cut(derivative, public_url))
                .collect(),
        }
    }
}

fn cut(derivative: &Derivative, public_url: &str) -> Cut {
    Cut {
        preset: derivative.preset.clone(),
        url: link(public_url, &derivative.key),
        width: derivative.width,
        height: derivative.height,
        format: derivative.format.clone(),
        bytes: derivative.bytes,
        crop_loss: derivative.crop_loss,
        upscaled: derivative.upscaled,
        review: derivative.review.iter().map(|why| why.as_str()).collect(),
    }
}

/// Made anew from the key, so that old pictures follow when the gateway moves.
fn link(public_url: &str, key: &str) -> String {
    format!("{public_url}/assets/{key}")
}

/// Events say 0 for what is not known.
fn known<T: Default + PartialEq>(number: T) -> Option<T> {
    Some(number).filter(|number| *number != T::default())
}
