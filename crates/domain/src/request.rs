//! What was asked for, after defaults: every field has a value and every value has been checked.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::failure::words;
use crate::{GenerationId, Tenant};

/// A text that is none of the values a field may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct InvalidValue {
    expected: &'static str,
}

impl InvalidValue {
    /// The value should have been `expected`.
    #[must_use]
    pub const fn new(expected: &'static str) -> Self {
        Self { expected }
    }
}

/// The model that draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Model {
    /// Ideogram 1.0.
    V1,
    /// Ideogram 1.0, fast.
    V1Turbo,
    /// Ideogram 2.0.
    V2,
    /// Ideogram 2.0, fast.
    V2Turbo,
    /// Ideogram 2a.
    V2A,
    /// Ideogram 2a, fast.
    V2ATurbo,
    /// Ideogram 3.0.
    V3,
    /// Ideogram 4.0.
    V4,
    /// Ideogram 4.5.
    V45,
}

words!(Model: V1 = "V_1", V1Turbo = "V_1_TURBO", V2 = "V_2", V2Turbo = "V_2_TURBO", V2A = "V_2A",
    V2ATurbo = "V_2A_TURBO", V3 = "V_3", V4 = "ideogram-4", V45 = "ideogram-4-5");

/// The look that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StyleType {
    /// The model chooses.
    Auto,
    /// No particular look.
    General,
    /// Like a photograph.
    Realistic,
    /// Graphic design; good at lettering.
    Design,
    /// Rendered in three dimensions.
    Render3D,
    /// Japanese animation.
    Anime,
    /// Like an illustration of fiction.
    Fiction,
}

words!(StyleType: Auto = "AUTO", General = "GENERAL", Realistic = "REALISTIC", Design = "DESIGN",
    Render3D = "RENDER_3D", Anime = "ANIME", Fiction = "FICTION");

/// Whether the provider may rewrite the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MagicPrompt {
    /// The provider decides.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

words!(MagicPrompt: Auto = "AUTO", On = "ON", Off = "OFF");

/// How much time the model takes, of the models that let one choose (3.0 and 4.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RenderingSpeed {
    /// Fast and cheap.
    Turbo,
    /// The middle.
    Default,
    /// Slow and dear.
    Quality,
}

words!(RenderingSpeed: Turbo = "TURBO", Default = "DEFAULT", Quality = "QUALITY");

/// How much care the model takes, of the models that let one choose (4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// Cheap.
    Low,
    /// The middle.
    Medium,
    /// Dear.
    High,
}

words!(Quality: Low = "low", Medium = "medium", High = "high");

/// Which waiting line a request stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Somebody is looking at a spinner.
    Interactive,
    /// Most work.
    Standard,
    /// Whenever there is room.
    Background,
}

words!(Lane: Interactive = "interactive", Standard = "standard", Background = "background");

/// Width to height, in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AspectRatio {
    /// Parts of width.
    pub width: u32,
    /// Parts of height.
    pub height: u32,
}

impl fmt::Display for AspectRatio {
    /// The seed's form: `ASPECT_16_9`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ASPECT_{}_{}", self.width, self.height)
    }
}

impl FromStr for AspectRatio {
    type Err = InvalidValue;

    /// Reads `ASPECT_16_9`, `16x9` and `16:9`.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        const EXPECTED: InvalidValue =
            InvalidValue::new("a ratio such as ASPECT_16_9, 16x9 or 16:9, with sides from 1 to 32");
        let (width, height) = match text.strip_prefix("ASPECT_") {
            Some(sides) => sides.split_once('_'),
            None => text.split_once(['x', ':']),
        }
        .ok_or(EXPECTED)?;
        let side = |text: &str| match text.parse::<u32>() {
            Ok(side @ 1..=32) => Ok(side),
            _ => Err(EXPECTED),
        };
        Ok(Self {
            width: side(width)?,
            height: side(height)?,
        })
    }
}

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resolution {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Resolution {
    type Err = InvalidValue;

    /// Reads `1312x736` and the legacy `RESOLUTION_1312_736`.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        const EXPECTED: InvalidValue =
            InvalidValue::new("WIDTHxHEIGHT such as 1312x736, with sides from 64 to 8192");
        let (width, height) = match text.strip_prefix("RESOLUTION_") {
            Some(sides) => sides.split_once('_'),
            None => text.split_once('x'),
        }
        .ok_or(EXPECTED)?;
        let side = |text: &str| match text.parse::<u32>() {
            Ok(side @ 64..=8192) => Ok(side),
            _ => Err(EXPECTED),
        };
        Ok(Self {
            width: side(width)?,
            height: side(height)?,
        })
    }
}

/// The colours to draw with: one of the provider's palettes, or one's own.
#[derive(Debug, Clone, PartialEq)]
pub enum ColorPalette {
    /// One of the provider's, by name, such as `EMBER`.
    Preset(String),
    /// 1 to 8 colours.
    Colors(Vec<WeightedColor>),
}

/// A colour and how much of it there should be.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedColor {
    /// `#RRGGBB`.
    pub hex: String,
    /// 0.05 to 1.
    pub weight: Option<f32>,
}

/// A request after defaults and checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What to draw: not blank, at most 10,000 characters.
    pub prompt: String,
    /// What not to draw.
    pub negative_prompt: Option<String>,
    /// Who draws it.
    pub model: Model,
    /// In which look; the model's own if none.
    pub style_type: Option<StyleType>,
    /// In which shape; `ASPECT_1_1` unless a resolution is given.
    pub aspect_ratio: Option<AspectRatio>,
    /// In which size exactly; excludes `aspect_ratio`.
    pub resolution: Option<Resolution>,
    /// Whether the provider may rewrite the prompt.
    pub magic_prompt: MagicPrompt,
    /// What to draw it from; the provider chooses if none. 0 to 2,147,483,647.
    pub seed: Option<u32>,
    /// How many pictures, 1 to 8.
    pub num_images: u32,
    /// How fast, where the model lets one choose.
    pub rendering_speed: Option<RenderingSpeed>,
    /// How well, where the model lets one choose.
    pub quality: Option<Quality>,
    /// In which colours.
    pub color_palette: Option<ColorPalette>,
    /// In one of the provider's 62 styles.
    pub style_preset: Option<String>,
    /// In styles by code, 8 hex digits each.
    pub style_codes: Vec<String>,
    /// The cuts to make of each picture, by preset name.
    pub presets: Vec<String>,
    /// What it is for.
    pub campaign: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The requester's own notes, handed back with every event.
    pub metadata: BTreeMap<String, String>,
    /// Which waiting line it stands in.
    pub lane: Lane,
    /// After which it need not be bought any more.
    pub deadline: Option<Timestamp>,
}

/// A request with a name and an owner: what every stage needs to know, and nothing secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its name.
    pub id: GenerationId,
    /// Its owner.
    pub tenant: Tenant,
    /// The requester's name for it.
    pub custom_id: Option<String>,
    /// What was asked for.
    pub request: Request,
    /// Who draws: `ideogram`.
    pub provider: String,
    /// Whether the provider is the bundled simulator.
    pub simulated: bool,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Whether a callback was asked for. Where to is no business of those who read events.
    pub callback: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_may_be_written_in_three_ways() {
        for text in ["ASPECT_16_9", "16x9", "16:9"] {
            assert_eq!(
                text.parse(),
                Ok(AspectRatio {
                    width: 16,
                    height: 9
                }),
                "{text}"
            );
        }
        for text in ["", "16", "0x9", "16x", "ASPECT_16", "999x1", "16x9x1"] {
            assert!(text.parse::<AspectRatio>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_resolution_may_be_written_in_two_ways() {
        for text in ["1312x736", "RESOLUTION_1312_736"] {
            assert_eq!(
                text.parse(),
                Ok(Resolution {
                    width: 1312,
                    height: 736
                }),
                "{text}"
            );
        }
    }
}
