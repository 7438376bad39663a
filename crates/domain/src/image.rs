//! Pictures and what was cut from them.

use crate::failure::words;
use crate::{Failure, ImageId};

/// What has become of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageState {
    /// The original is in our store.
    Stored,
    /// Its derivatives are too.
    Ready,
    /// The provider billed it and withheld it.
    Withheld,
    /// The link died, or what it served was no image.
    DownloadFailed,
    /// The original is stored, but cannot be decoded.
    Undecodable,
    /// Removed by retention or erasure.
    Deleted,
}

words!(ImageState: Stored = "stored", Ready = "ready", Withheld = "withheld",
    DownloadFailed = "download_failed", Undecodable = "undecodable", Deleted = "deleted");

/// One picture of a generation.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Its name.
    pub id: ImageId,
    /// Its place in the generation, from 0.
    pub index: u32,
    /// What has become of it.
    pub state: ImageState,
    /// Where its bytes are in the store; none if they never came.
    pub key: Option<String>,
    /// Where its bytes can be read without credentials.
    pub url: Option<String>,
    /// In pixels; 0 if not known.
    pub width: u32,
    /// In pixels; 0 if not known.
    pub height: u32,
    /// What the provider drew it from.
    pub seed: Option<i64>,
    /// The prompt that the provider says it drew, after its own rewriting.
    pub prompt: Option<String>,
    /// `png`, `jpeg` or `webp`; empty if not known.
    pub format: String,
    /// Length of the original.
    pub bytes: u64,
    /// SHA-256 of the original in lower-case hex; empty if there is none.
    pub sha256: String,
    /// What was cut from it.
    pub derivatives: Vec<Derivative>,
    /// Why it is not ready, if it failed.
    pub error: Option<Failure>,
    /// What it looks like; none until it has been looked at.
    pub traits: Option<Traits>,
    /// Whether the provider's file carries a manifest of C2PA.
    pub content_credentials: bool,
}

/// What a picture looks like, so that nobody need open it to find, show or compare it.
#[derive(Debug, Clone, PartialEq)]
pub struct Traits {
    /// The placeholder of <https://evanw.github.io/thumbhash/>, in base64.
    pub thumbhash: String,
    /// 16 hex digits; look-alikes differ in few bits.
    pub perceptual_hash: String,
    /// At most five colours, heaviest first.
    pub palette: Vec<Swatch>,
}

/// A colour of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Swatch {
    /// `#RRGGBB`.
    pub hex: String,
    /// Its share of the picture, 0 to 1.
    pub weight: f32,
}

/// Why a person should look at a cut before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Review {
    /// Lettering may be cut off.
    Lettering,
    /// It has more bytes than it may, even with the least quality.
    Bytes,
}

words!(Review: Lettering = "lettering", Bytes = "bytes");

/// One cut of a picture for one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Derivative {
    /// The preset's name.
    pub preset: String,
    /// Where its bytes are in the store.
    pub key: String,
    /// Where its bytes can be read without credentials.
    pub url: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// `jpeg`, `png`, `webp` or `avif`.
    pub format: String,
    /// Length.
    pub bytes: u64,
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// The share of the original's area that was cut away, 0 to 1.
    pub crop_loss: f32,
    /// Whether pixels had to be invented.
    pub upscaled: bool,
    /// Why a person should look at it; empty if nobody need.
    pub review: Vec<Review>,
}
