//! What Darkroom is about: requests, generations, images, the events of their lives, and money.
//!
//! Data and its invariants, and nothing else: no I/O, no serde, no prost. How events look on the
//! wire is `wire`'s business; how they travel is `bus`'s.
#![warn(missing_docs)]

mod code;
mod draft;
mod event;
mod failure;
mod generation;
mod id;
mod image;
mod money;
mod request;

pub use code::Code;
pub use draft::{Admission, Draft};
pub use event::{
    Accepted, Calling, Completed, Event, Failed, ImageFailed, ImageReady, NotificationDelivered,
    NotificationFailed, Parked, Ready, Rendered, RenderedImage, Submitted, Unknown,
};
pub use failure::{Billed, Failure, Invalid, Phase};
pub use generation::{Cost, Generation, Status};
pub use id::{GenerationId, ImageId, InvalidId, Tenant};
pub use image::{Derivative, Image, ImageState};
pub use money::Usd;
pub use request::{
    AspectRatio, ColorPalette, InvalidValue, Job, Lane, MagicPrompt, Model, Quality,
    RenderingSpeed, Request, Resolution, StyleType, WeightedColor,
};
