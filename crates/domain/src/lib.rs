//! What Darkroom is about: requests, generations, images, the events of their lives, and money.
//!
//! Data and its invariants, and nothing else: no I/O, no serde, no prost. How events look on the
//! wire is `wire`'s business; how they travel is `bus`'s.
#![warn(missing_docs)]

mod budget;
mod code;
mod draft;
mod event;
mod failure;
mod generation;
mod hold;
mod id;
mod identity;
mod image;
mod inputs;
mod labels;
mod money;
mod patience;
mod policy;
mod preset;
mod request;

pub use budget::{Budget, InvalidBudget, InvalidScope, Scope, Window};
pub use code::Code;
pub use draft::{Admission, Draft};
pub use event::{
    Accepted, Announced, AssetDeleted, AssetExpired, BudgetNotice, Calling, Completed, Event,
    Failed, ImageFailed, ImageReady, ImageRecovered, ImageRecut, NotificationDelivered,
    NotificationFailed, Parked, ProviderDiscrepancy, ProviderParked, ProviderResumed, Ready,
    Rendered, RenderedImage, Submitted, Unknown,
};
pub use failure::{Billed, Failure, Invalid, Phase};
pub use generation::{Cost, Generation, Status};
pub use hold::Hold;
pub use id::{DerivationId, GenerationId, ImageId, InvalidId, Tenant};
pub use identity::Identity;
pub use image::{Derivative, Image, ImageState, Review, Swatch, Traits};
pub use inputs::{Inputs, Operation, Origin, Pinned, ResolutionTier, Source, UpscaleFactor};
pub use money::Usd;
pub use policy::{OnDuplicate, OnUnknown, OnWithheld};
pub use preset::PresetChoice;
pub use request::{
    AspectRatio, ColorPalette, InvalidValue, Job, Lane, MagicPrompt, Model, Quality,
    RenderingSpeed, Request, Resolution, StyleType, WeightedColor,
};
