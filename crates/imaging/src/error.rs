use crate::Format;

/// What can go wrong between the bytes of an image and the bytes of a cut.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The first bytes are of no format that we read.
    #[error("not a png, jpeg, webp or avif image")]
    UnknownFormat,
    /// The file ends too early, as after a broken download.
    #[error("the {format} image is cut short: no {missing}")]
    Truncated {
        /// The format by its magic bytes.
        format: Format,
        /// What should have been there.
        missing: &'static str,
    },
    /// The file breaks a rule of its format.
    #[error("the {format} image is malformed: {what}")]
    Malformed {
        /// The format by its magic bytes.
        format: Format,
        /// The rule.
        what: &'static str,
    },
    /// The image moves, and only still images are cut.
    #[error("the {format} image is animated")]
    Animated {
        /// The format by its magic bytes.
        format: Format,
    },
    /// The file is valid, but of a rare kind that our decoder gets wrong, or of a format that we write
    /// and do not read.
    #[error("the {format} image is not supported: {what}")]
    Unsupported {
        /// The format by its magic bytes.
        format: Format,
        /// The kind.
        what: &'static str,
    },
    /// The header announces more pixels than [`Limits`](crate::Limits) allow, or none.
    #[error(
        "{width}x{height} pixels are outside the limits of {max_side} a side and {max_pixels} in all"
    )]
    Size {
        /// Announced width in pixels.
        width: u32,
        /// Announced height in pixels.
        height: u32,
        /// The limit of each side.
        max_side: u32,
        /// The limit of the area.
        max_pixels: u64,
    },
    /// Decoding would take more memory than [`Limits`](crate::Limits) allow.
    #[error("decoding would take {needed} bytes of memory, {max_alloc} are allowed")]
    Memory {
        /// Estimated bytes, an upper bound.
        needed: u64,
        /// The limit.
        max_alloc: u64,
    },
    /// A mask must say of some pixels that they change and of others that they are kept.
    #[error("the mask has no {missing}: black shows what to change, white what to keep")]
    OneColor {
        /// `black` or `white`.
        missing: &'static str,
    },
    /// The pixels of a PNG cannot be decoded.
    #[error("cannot decode the png image")]
    DecodePng(#[source] png::DecodingError),
    /// The pixels of a JPEG or WebP cannot be decoded.
    #[error("cannot decode the {format} image")]
    Decode {
        /// Which of the two.
        format: Format,
        /// The decoder's reason.
        source: image::ImageError,
    },
    /// Pixels and dimensions do not agree.
    #[error("cannot take the pixels as an image")]
    Pixels(#[source] fast_image_resize::ImageBufferError),
    /// The resizer refused the crop.
    #[error("cannot resize")]
    Resize(#[source] fast_image_resize::ResizeError),
    /// The PNG could not be written.
    #[error("cannot encode a png image")]
    EncodePng(#[source] png::EncodingError),
    /// The AVIF could not be written.
    #[error("cannot encode an avif image")]
    EncodeAvif(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The `WebP` could not be written.
    #[error("cannot encode a webp image")]
    EncodeWebp(#[source] Box<dyn std::error::Error + Send + Sync>),
}
