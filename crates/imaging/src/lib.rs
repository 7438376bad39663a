//! Turns one stored image into the sizes that channels ask for: bytes in, bytes out.
//!
//! Knows formats, limits, crops, presets and provenance marks. Does no I/O, spawns nothing and trusts
//! no input: every length in a file is checked before anything is allocated for it.

mod aim;
mod container;
mod cut;
mod decode;
mod encode;
mod error;
mod forecast;
mod format;
mod geometry;
mod inspect;
mod limits;
mod mark;
mod mask;
mod picture;
mod preset;
mod presets;
mod provenance;
mod raster;
mod resized;
mod small;
mod strips;
mod traits;

pub use cut::{Cut, cut};
pub use decode::decode;
pub use error::Error;
pub use forecast::{Forecast, best_source, better_source};
pub use format::{Format, sniff};
pub use geometry::Crop;
pub use inspect::{Info, decode_memory, inspect, verify_whole};
pub use limits::Limits;
pub use mark::with_provenance;
pub use mask::{Changed, Mask};
pub use picture::Picture;
pub use preset::{Encoding, Fit, Gravity, Preset};
pub use presets::{InvalidPreset, Presets};
pub use provenance::Provenance;
pub use traits::{Swatch, Traits, describe};
