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
}

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
}
