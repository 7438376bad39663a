//! A request as it was sent, and the checks that make a [`Request`] of it.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use jiff::Timestamp;
use url::Url;

use crate::{
    AspectRatio, ColorPalette, GenerationId, Inputs, Invalid, InvalidValue, Lane, MagicPrompt,
    Model, OnDuplicate, OnUnknown, OnWithheld, Operation, PresetChoice, Request, WeightedColor,
};

/// A request as it was sent: nothing has a default yet, nothing was checked.
#[derive(Debug, Default, Clone, PartialEq)]
#[expect(
    missing_docs,
    reason = "each field is documented where it is checked: `Request`"
)]
pub struct Draft {
    pub prompt: Option<String>,
    pub negative_prompt: Option<String>,
    pub model: Option<String>,
    pub style_type: Option<String>,
    pub aspect_ratio: Option<String>,
    pub resolution: Option<String>,
    pub magic_prompt: Option<String>,
    pub seed: Option<i64>,
    pub num_images: Option<i64>,
    pub rendering_speed: Option<String>,
    pub quality: Option<String>,
    pub color_palette: Option<ColorPalette>,
    pub style_preset: Option<String>,
    pub style_codes: Vec<String>,
    pub custom_model: Option<String>,
    pub image_weight: Option<i64>,
    pub upscale_factor: Option<String>,
    pub resolution_tier: Option<String>,
    pub transparent: Option<bool>,
    pub operation: Option<String>,
    pub source_images: Vec<String>,
    pub mask: Option<String>,
    pub style_references: Vec<String>,
    pub character_reference: Option<String>,
    pub character_mask: Option<String>,
    pub callback_url: Option<String>,
    pub presets: Option<Vec<PresetChoice>>,
    pub campaign: Option<String>,
    pub tags: Vec<String>,
    pub metadata: BTreeMap<String, String>,
    pub lane: Option<String>,
    pub on_duplicate: Option<String>,
    pub on_withheld: Option<String>,
    pub on_unknown: Option<String>,
    pub deadline: Option<String>,
    pub custom_id: Option<String>,
    pub retry_of: Option<String>,
}

/// What a request is checked against.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The names of the presets there are.
    pub presets: BTreeSet<String>,
    /// The presets of a request that names none.
    pub default_presets: Vec<PresetChoice>,
    /// The lane of a request that names none.
    pub lane: Lane,
}

/// The cuts of a request that names none: the seed's three.
const DEFAULT_PRESETS: [&str; 3] = ["og-image", "instagram", "twitter-header"];

impl Admission {
    /// Requests are checked against the presets of these names; those that name none are cut to
    /// `og-image`, `instagram` and `twitter-header`, as far as there are such presets.
    #[must_use]
    pub fn of<'a>(presets: impl IntoIterator<Item = &'a str>) -> Self {
        let presets: BTreeSet<String> = presets.into_iter().map(str::to_owned).collect();
        let default = DEFAULT_PRESETS.into_iter();
        let default = default.filter(|name| presets.contains(*name));
        Self {
            default_presets: default.map(PresetChoice::from).collect(),
            presets,
            lane: Lane::Standard,
        }
    }
}

const PROMPT_CHARS: usize = 10_000;
const LABEL_CHARS: usize = 128;
const MAX_TAGS: usize = 32;
const MAX_METADATA: usize = 32;
const METADATA_CHARS: usize = 512;
const URL_CHARS: usize = 2_048;
const MAX_SEED: i64 = i32::MAX as i64;
/// The field's own limit (`NumImages` of the provider's schema).
const MAX_IMAGES: i64 = 8;

impl Draft {
    /// Checks every field and fills in the defaults.
    ///
    /// # Errors
    ///
    /// The first field that cannot be accepted, by the name its sender knows.
    pub fn resolve(&self, admission: &Admission) -> Result<Request, Invalid> {
        let operation = parse("operation", self.operation.as_deref())?;
        let operation = operation.unwrap_or(Operation::Generate);
        if self.aspect_ratio.is_some() && self.resolution.is_some() {
            return Err(Invalid::field(
                "resolution",
                "give either aspectRatio or resolution",
            ));
        }

        Ok(Request {
            operation,
            prompt: self.prompt(operation)?,
            negative_prompt: self.negative_prompt()?,
            model: parse("model", self.model.as_deref())?
                .unwrap_or_else(|| self.default_model(operation)),
            style_type: parse("styleType", self.style_type.as_deref())?,
            aspect_ratio: parse("aspectRatio", self.aspect_ratio.as_deref())?
                .or_else(|| self.default_ratio(operation)),
            resolution: parse("resolution", self.resolution.as_deref())?,
            magic_prompt: parse("magicPrompt", self.magic_prompt.as_deref())?
                .unwrap_or(MagicPrompt::Auto),
            seed: within("seed", self.seed, 0, MAX_SEED)?,
            num_images: within("numImages", self.num_images, 1, MAX_IMAGES)?.unwrap_or(1),
            rendering_speed: parse("renderingSpeed", self.rendering_speed.as_deref())?,
            quality: parse("quality", self.quality.as_deref())?,
            color_palette: self.color_palette.as_ref().map(palette).transpose()?,
            style_preset: label("stylePreset", self.style_preset.as_deref())?,
            style_codes: self.style_codes()?,
            custom_model: self.custom_model()?,
            image_weight: within("imageWeight", self.image_weight, 1, 100)?,
            upscale_factor: parse("upscaleFactor", self.upscale_factor.as_deref())?,
            resolution_tier: parse("resolutionTier", self.resolution_tier.as_deref())?,
            transparent: self.transparent.unwrap_or(false),
            inputs: Inputs::of(self, operation)?,
            presets: self.presets(admission, operation)?,
            campaign: label("campaign", self.campaign.as_deref())?,
            tags: self.tags()?,
            metadata: self.metadata()?,
            lane: parse("lane", self.lane.as_deref())?.unwrap_or(admission.lane),
            deadline: self.deadline()?,
            on_duplicate: parse("onDuplicate", self.on_duplicate.as_deref())?
                .unwrap_or(OnDuplicate::Warn),
            on_withheld: parse("onWithheld", self.on_withheld.as_deref())?
                .unwrap_or(OnWithheld::Accept),
            on_unknown: parse("onUnknown", self.on_unknown.as_deref())?
                .unwrap_or(OnUnknown::Review),
        })
    }

    /// Where to call back, if anywhere: an http(s) URL. Whether the address behind it may be
    /// called is decided when it is called.
    ///
    /// # Errors
    ///
    /// It is no such URL.
    pub fn callback_url(&self) -> Result<Option<Url>, Invalid> {
        const EXPECTED: &str = "expected an http or https URL of at most 2048 characters";
        let Some(text) = self.callback_url.as_deref() else {
            return Ok(None);
        };
        let invalid = || Invalid::field("callbackUrl", EXPECTED);
        let url = Url::parse(text).map_err(|_| invalid())?;
        let fits = matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && text.len() <= URL_CHARS;
        if fits { Ok(Some(url)) } else { Err(invalid()) }
    }

    /// The requester's name for it: 1 to 128 characters.
    ///
    /// # Errors
    ///
    /// It is longer or blank.
    pub fn custom_id(&self) -> Result<Option<String>, Invalid> {
        label("customId", self.custom_id.as_deref())
    }

    /// The generation that it tries again.
    ///
    /// # Errors
    ///
    /// It is no generation's id.
    pub fn retry_of(&self) -> Result<Option<GenerationId>, Invalid> {
        let invalid = |err: crate::InvalidId| Invalid::field("retryOf", err.to_string());
        let id = self.retry_of.as_deref().map(str::trim).map(str::parse);
        id.transpose().map_err(invalid)
    }

    /// Whether it names cuts, and leaves to them in which shape it is drawn: it says neither shape nor
    /// size, and no picture that it starts from decides.
    #[must_use]
    pub fn leaves_shape_open(&self) -> bool {
        let cuts = self.presets.as_ref();
        let silent = self.aspect_ratio.is_none()
            && self.resolution.is_none()
            && self.resolution_tier.is_none();
        let operation = self.operation.as_deref().map(str::parse);
        let draws = matches!(operation, None | Some(Ok(Operation::Generate)));
        silent
            && draws
            && self.source_images.is_empty()
            && cuts.is_some_and(|cuts| !cuts.is_empty())
    }

    /// The model of a request that names none: the seed's for drawing, else the newest that can do
    /// it without more being said.
    const fn default_model(&self, operation: Operation) -> Model {
        match operation {
            Operation::Generate => Model::V2,
            Operation::Edit if self.mask.is_none() => Model::V45,
            Operation::Edit
            | Operation::Remix
            | Operation::Reframe
            | Operation::ReplaceBackground
            | Operation::Describe => Model::V3,
            Operation::RemoveBackground | Operation::Upscale => Model::Auto,
        }
    }

    /// What starts from a picture keeps its shape.
    fn default_ratio(&self, operation: Operation) -> Option<AspectRatio> {
        let free = self.resolution.is_none()
            && self.resolution_tier.is_none()
            && self.source_images.is_empty();
        (operation == Operation::Generate && free).then_some(AspectRatio::SQUARE)
    }

    fn custom_model(&self) -> Result<Option<String>, Invalid> {
        let Some(uri) = self.custom_model.as_deref().map(str::trim) else {
            return Ok(None);
        };
        let parts: Vec<&str> = uri.split('/').collect();
        match parts.as_slice() {
            ["model", model, "version", version]
                if !model.is_empty() && !version.is_empty() && uri.len() <= 512 =>
            {
                Ok(Some(uri.to_owned()))
            }
            _ => Err(Invalid::field(
                "customModel",
                "expected model/<name>/version/<version>",
            )),
        }
    }

    fn prompt(&self, operation: Operation) -> Result<String, Invalid> {
        let prompt = match self.prompt.as_deref() {
            None if !operation.needs_prompt() => return Ok(String::new()),
            None => return Err(Invalid::missing("prompt", "say what to draw")),
            Some(prompt) => prompt.trim(),
        };
        match prompt.chars().take(PROMPT_CHARS + 1).count() {
            0 if !operation.needs_prompt() => Ok(String::new()),
            0 => Err(Invalid::field(
                "prompt",
                "must not be blank; say what to draw",
            )),
            n if n > PROMPT_CHARS => Err(Invalid::field(
                "prompt",
                format!("must have at most {PROMPT_CHARS} characters"),
            )),
            _ => Ok(prompt.to_owned()),
        }
    }

    fn negative_prompt(&self) -> Result<Option<String>, Invalid> {
        match self.negative_prompt.as_deref().map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) if text.chars().count() > PROMPT_CHARS => Err(Invalid::field(
                "negativePrompt",
                format!("must have at most {PROMPT_CHARS} characters"),
            )),
            Some(text) => Ok(Some(text.to_owned())),
        }
    }

    fn style_codes(&self) -> Result<Vec<String>, Invalid> {
        let is_code =
            |code: &String| code.len() == 8 && code.bytes().all(|b| b.is_ascii_hexdigit());
        if self.style_codes.len() > 8 || !self.style_codes.iter().all(is_code) {
            return Err(Invalid::field(
                "styleCodes",
                "expected at most 8 codes of 8 hex digits",
            ));
        }
        Ok(self.style_codes.clone())
    }

    fn presets(
        &self,
        admission: &Admission,
        operation: Operation,
    ) -> Result<Vec<PresetChoice>, Invalid> {
        let Some(choices) = &self.presets else {
            // A cut would paint over what was made transparent, and words cannot be cut.
            return Ok(match operation {
                Operation::RemoveBackground | Operation::Describe => Vec::new(),
                _ => admission.default_presets.clone(),
            });
        };
        let mut chosen: Vec<PresetChoice> = Vec::new();
        for choice in choices {
            let name = &choice.preset;
            if !admission.presets.contains(name) {
                let known: Vec<&str> = admission.presets.iter().map(String::as_str).collect();
                let reason = format!(
                    "there is no preset `{name}`; there are {}",
                    known.join(", ")
                );
                return Err(Invalid::field("presets", reason));
            }
            if !chosen.contains(choice) {
                chosen.push(choice.clone());
            }
        }
        Ok(chosen)
    }

    fn tags(&self) -> Result<Vec<String>, Invalid> {
        if self.tags.len() > MAX_TAGS {
            return Err(Invalid::field("tags", format!("at most {MAX_TAGS} tags")));
        }
        self.tags
            .iter()
            .filter_map(|tag| label("tags", Some(tag)).transpose())
            .collect()
    }

    fn metadata(&self) -> Result<BTreeMap<String, String>, Invalid> {
        let fits = |(key, value): (&String, &String)| {
            (1..=64).contains(&key.chars().count()) && value.chars().count() <= METADATA_CHARS
        };
        if self.metadata.len() > MAX_METADATA || !self.metadata.iter().all(fits) {
            let reason = "at most 32 entries, keys of 1 to 64 and values of at most 512 characters";
            return Err(Invalid::field("metadata", reason));
        }
        Ok(self.metadata.clone())
    }

    fn deadline(&self) -> Result<Option<Timestamp>, Invalid> {
        let invalid = |_| {
            Invalid::field(
                "deadline",
                "expected an RFC 3339 time such as 2026-12-24T18:00:00Z",
            )
        };
        self.deadline
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(invalid)
    }
}

/// Reads a word or value; the message says what was expected.
fn parse<T: FromStr<Err = InvalidValue>>(
    field: &str,
    text: Option<&str>,
) -> Result<Option<T>, Invalid> {
    let invalid = |err: InvalidValue| Invalid::field(field, err.to_string());
    text.map(str::parse).transpose().map_err(invalid)
}

/// Checks a number's range.
fn within(field: &str, value: Option<i64>, min: i64, max: i64) -> Result<Option<u32>, Invalid> {
    let Some(value) = value else { return Ok(None) };
    u32::try_from(value)
        .ok()
        .filter(|_| (min..=max).contains(&value))
        .map(Some)
        .ok_or_else(|| {
            Invalid::field(
                field,
                format!("expected a whole number from {min} to {max}"),
            )
        })
}

/// Checks a short text without control characters.
fn label(field: &str, text: Option<&str>) -> Result<Option<String>, Invalid> {
    let Some(text) = text.map(str::trim) else {
        return Ok(None);
    };
    let fits =
        (1..=LABEL_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if !fits {
        let reason = format!("expected 1 to {LABEL_CHARS} characters and no control characters");
        return Err(Invalid::field(field, reason));
    }
    Ok(Some(text.to_owned()))
}

fn palette(palette: &ColorPalette) -> Result<ColorPalette, Invalid> {
    let is_hex = |hex: &str| {
        hex.strip_prefix('#').is_some_and(|digits| {
            matches!(digits.len(), 3 | 6) && digits.bytes().all(|b| b.is_ascii_hexdigit())
        })
    };
    let fits = |color: &WeightedColor| {
        is_hex(&color.hex)
            && color
                .weight
                .is_none_or(|weight| (0.05..=1.0).contains(&weight))
    };
    let valid = match palette {
        ColorPalette::Preset(name) => !name.is_empty() && name.len() <= LABEL_CHARS,
        ColorPalette::Colors(colors) => (1..=8).contains(&colors.len()) && colors.iter().all(fits),
    };
    if valid {
        return Ok(palette.clone());
    }
    let reason =
        "expected a name, or 1 to 8 members with a colour #RRGGBB and a weight from 0.05 to 1";
    Err(Invalid::field("colorPalette", reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission() -> Admission {
        Admission::of(["thumbnail", "instagram", "og-image"])
    }

    fn kite() -> Draft {
        Draft {
            prompt: Some("  a red kite ".to_owned()),
            ..Draft::default()
        }
    }

    #[test]
    fn a_prompt_is_enough() {
        let request = kite().resolve(&admission()).unwrap();

        assert_eq!(request.prompt, "a red kite");
        assert_eq!(request.model, Model::V2);
        assert_eq!(request.num_images, 1);
        assert_eq!(request.presets, ["og-image", "instagram"].map(Into::into));
    }

    #[test]
    fn the_field_to_blame_is_named() {
        let text = |text: &str| Some(text.to_owned());
        let drafts = [
            ("prompt", Draft::default()),
            (
                "prompt",
                Draft {
                    prompt: text("  "),
                    ..kite()
                },
            ),
            (
                "prompt",
                Draft {
                    prompt: Some("x".repeat(10_001)),
                    ..kite()
                },
            ),
            (
                "model",
                Draft {
                    model: text("V_9"),
                    ..kite()
                },
            ),
            (
                "numImages",
                Draft {
                    num_images: Some(0),
                    ..kite()
                },
            ),
            (
                "numImages",
                Draft {
                    num_images: Some(9),
                    ..kite()
                },
            ),
            (
                "seed",
                Draft {
                    seed: Some(-1),
                    ..kite()
                },
            ),
            (
                "seed",
                Draft {
                    seed: Some(2_147_483_648),
                    ..kite()
                },
            ),
            (
                "aspectRatio",
                Draft {
                    aspect_ratio: text("wide"),
                    ..kite()
                },
            ),
            (
                "presets",
                Draft {
                    presets: Some(vec!["poster".into()]),
                    ..kite()
                },
            ),
            (
                "operation",
                Draft {
                    operation: text("paint"),
                    ..kite()
                },
            ),
            (
                "onDuplicate",
                Draft {
                    on_duplicate: text("maybe"),
                    ..kite()
                },
            ),
            (
                "deadline",
                Draft {
                    deadline: text("tomorrow"),
                    ..kite()
                },
            ),
            (
                "campaign",
                Draft {
                    campaign: text("a\nb"),
                    ..kite()
                },
            ),
            (
                "styleCodes",
                Draft {
                    style_codes: vec!["xyz".to_owned()],
                    ..kite()
                },
            ),
        ];

        for (field, draft) in drafts {
            assert_eq!(draft.resolve(&admission()).unwrap_err().field, field);
        }
    }

    #[test]
    fn a_callback_is_an_http_url_without_credentials() {
        for bad in [
            "ftp://a.test/",
            "/hook",
            "https://",
            "https://me:pw@a.test/",
            "javascript:1",
        ] {
            let draft = Draft {
                callback_url: Some(bad.to_owned()),
                ..kite()
            };
            assert_eq!(
                draft.callback_url().unwrap_err().field,
                "callbackUrl",
                "{bad}"
            );
        }
        let draft = Draft {
            callback_url: Some("https://a.test/hook".to_owned()),
            ..kite()
        };
        assert!(draft.callback_url().unwrap().is_some());
    }
}
