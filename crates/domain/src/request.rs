//! What was asked for, after defaults: every field has a value and every value has been checked.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::failure::words;
use crate::{
    GenerationId, Inputs, OnDuplicate, OnUnknown, OnWithheld, Operation, PresetChoice,
    ResolutionTier, Tenant, UpscaleFactor,
};

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
    /// The provider chooses.
    Auto,
    /// P-Image, tuned by Ideogram.
    PImage,
    /// Z-Image.
    ZImage,
    /// GPT Image 2.
    GptImage2,
    /// GPT Image 2.5, fast.
    GptImage25Flare,
    /// GPT Image 2.5, careful.
    GptImage25Sunburst,
    /// Nano Banana 2.
    NanoBanana2,
    /// Nano Banana Pro.
    NanoBananaPro,
    /// Topaz Bloom 2; enlarges.
    TopazBloom2,
    /// Topaz Redefine; enlarges.
    TopazRedefine,
    /// Topaz Standard 2; enlarges.
    TopazStandard2,
    /// Topaz Text Refine; enlarges.
    TopazTextRefine,
    /// Topaz Wonder 3.5; enlarges.
    TopazWonder35,
}

words!(Model: V1 = "V_1", V1Turbo = "V_1_TURBO", V2 = "V_2", V2Turbo = "V_2_TURBO", V2A = "V_2A",
    V2ATurbo = "V_2A_TURBO", V3 = "V_3", V4 = "ideogram-4", V45 = "ideogram-4-5",
    Auto = "auto", PImage = "p-image-ideogram", ZImage = "z-image", GptImage2 = "gpt-image-2",
    GptImage25Flare = "gpt-image-2-5-flare", GptImage25Sunburst = "gpt-image-2-5-sunburst",
    NanoBanana2 = "nano-banana-2", NanoBananaPro = "nano-banana-pro",
    TopazBloom2 = "topaz-bloom-2", TopazRedefine = "topaz-redefine",
    TopazStandard2 = "topaz-standard-2", TopazTextRefine = "topaz-text-refine",
    TopazWonder35 = "topaz-wonder-3-5");

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

/// How much care the model takes, of the models that let one choose (4.5 and others' models).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// A sketch; for changing pictures with 4.5 only.
    VeryLow,
    /// Cheap.
    Low,
    /// The middle.
    Medium,
    /// Dear.
    High,
}

words!(Quality: VeryLow = "very_low", Low = "low", Medium = "medium", High = "high");

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

impl AspectRatio {
    /// As wide as high.
    pub const SQUARE: Self = Self {
        width: 1,
        height: 1,
    };
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
    /// What to do.
    pub operation: Operation,
    /// What to draw: at most 10,000 characters; blank only for what is not told in words.
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
    /// In a model of one's own, `model/…/version/…`.
    pub custom_model: Option<String>,
    /// How much of the source is kept, 1 to 100.
    pub image_weight: Option<u32>,
    /// How much larger it becomes.
    pub upscale_factor: Option<UpscaleFactor>,
    /// How many pixels, where the model takes no exact size.
    pub resolution_tier: Option<ResolutionTier>,
    /// Whether the background shall be transparent.
    pub transparent: bool,
    /// The pictures that are handed in.
    pub inputs: Inputs,
    /// The cuts to make of each picture.
    pub presets: Vec<PresetChoice>,
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
    /// What to do if the same was asked for before.
    pub on_duplicate: OnDuplicate,
    /// What to do if a part is withheld.
    pub on_withheld: OnWithheld,
    /// What to do if nobody knows what became of the call.
    pub on_unknown: OnUnknown,
}

impl Request {
    /// One square picture of `prompt` by the default model, with every other field at its default
    /// and no cuts.
    #[must_use]
    pub fn new(prompt: impl Into<String>) -> Self {
        Self {
            operation: Operation::Generate,
            prompt: prompt.into(),
            negative_prompt: None,
            model: Model::V2,
            style_type: None,
            aspect_ratio: Some(AspectRatio::SQUARE),
            resolution: None,
            magic_prompt: MagicPrompt::Auto,
            seed: None,
            num_images: 1,
            rendering_speed: None,
            quality: None,
            color_palette: None,
            style_preset: None,
            style_codes: Vec::new(),
            custom_model: None,
            image_weight: None,
            upscale_factor: None,
            resolution_tier: None,
            transparent: false,
            inputs: Inputs::default(),
            presets: Vec::new(),
            campaign: None,
            tags: Vec::new(),
            metadata: BTreeMap::new(),
            lane: Lane::Standard,
            deadline: None,
            on_duplicate: OnDuplicate::Warn,
            on_withheld: OnWithheld::Accept,
            on_unknown: OnUnknown::Review,
        }
    }
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
    /// The API key that it was asked for with, by its public name.
    pub api_key: Option<String>,
    /// The generation that it tries again.
    pub retry_of: Option<GenerationId>,
    /// The earlier generation that asked for the same.
    pub duplicate_of: Option<GenerationId>,
}

impl Job {
    /// `request` of `tenant`, with nothing special about it.
    #[must_use]
    pub fn new(id: GenerationId, tenant: Tenant, request: Request, accepted_at: Timestamp) -> Self {
        Self {
            id,
            tenant,
            custom_id: None,
            request,
            provider: "ideogram".to_owned(),
            simulated: false,
            accepted_at,
            callback: false,
            api_key: None,
            retry_of: None,
            duplicate_of: None,
        }
    }
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
