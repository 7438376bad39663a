//! What the provider is to do, and the pictures it starts from.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::failure::words;
use crate::{Draft, ImageId, Invalid, InvalidValue};

/// What the provider is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Draws from words.
    Generate,
    /// Changes a part of a picture: what the mask shows, or what the prompt says.
    Edit,
    /// Draws a picture anew, led by words.
    Remix,
    /// Extends a picture to another shape.
    Reframe,
    /// Draws another background.
    ReplaceBackground,
    /// Makes the background transparent.
    RemoveBackground,
    /// Enlarges a picture.
    Upscale,
    /// Says in words what a picture shows. Makes no picture.
    Describe,
}

words!(Operation: Generate = "generate", Edit = "edit", Remix = "remix", Reframe = "reframe",
    ReplaceBackground = "replace-background", RemoveBackground = "remove-background",
    Upscale = "upscale", Describe = "describe");

impl Operation {
    /// Whether it is told in words what to draw.
    #[must_use]
    pub const fn needs_prompt(self) -> bool {
        matches!(
            self,
            Self::Generate | Self::Edit | Self::Remix | Self::ReplaceBackground
        )
    }

    /// Whether it starts from a picture.
    #[must_use]
    pub const fn needs_source(self) -> bool {
        !matches!(self, Self::Generate)
    }
}

/// How much larger a picture becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpscaleFactor {
    /// As it is.
    X1,
    /// Twice as wide and high.
    X2,
    /// Four times.
    X4,
    /// Eight times.
    X8,
}

words!(UpscaleFactor: X1 = "x1", X2 = "x2", X4 = "x4", X8 = "x8");

/// A budget of pixels, where the model takes no exact size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResolutionTier {
    /// About 1024x1024.
    K1,
    /// About 2048x2048.
    K2,
    /// About 4096x4096.
    K4,
    /// About 8192x8192.
    K8,
}

words!(ResolutionTier: K1 = "1k", K2 = "2k", K4 = "4k", K8 = "8k");

/// Where a picture that is handed in comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// It is fetched, once, when the request is let in.
    Url(Url),
    /// It is one of ours.
    Image(ImageId),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::Image(id) => id.fmt(f),
        }
    }
}

impl FromStr for Origin {
    type Err = InvalidValue;

    /// Reads an image id or an https or http URL without credentials.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        const EXPECTED: InvalidValue = InvalidValue::new(
            "an image id (img_…) or an http or https URL of at most 2048 characters",
        );
        if text.starts_with("img_") {
            return text.parse().map(Self::Image).map_err(|_| EXPECTED);
        }
        let url = Url::parse(text).map_err(|_| EXPECTED)?;
        let fits = matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && text.len() <= 2_048;
        fits.then_some(Self::Url(url)).ok_or(EXPECTED)
    }
}

/// A copy in our store, which never changes: what was asked for stays what it was, wherever it came
/// from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pinned {
    /// Where its bytes are in the store.
    pub key: String,
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// `png`, `jpeg` or `webp`.
    pub format: String,
    /// Length.
    pub bytes: u64,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// A picture that is handed in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// As the requester named it.
    pub origin: Origin,
    /// Our copy; none until the request is let in.
    pub pinned: Option<Pinned>,
}

/// The pictures that are handed in with a request.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// What to work on: the first one is changed, others are shown to the model.
    pub sources: Vec<Source>,
    /// Which part of the first one to change: black is changed, white is kept.
    pub mask: Option<Source>,
    /// The look to draw in.
    pub style_references: Vec<Source>,
    /// The person to draw.
    pub character_reference: Option<Source>,
    /// Which part of the character reference shows the person.
    pub character_mask: Option<Source>,
}

/// The most pictures that any route takes.
const MAX_SOURCES: usize = 16;
const MAX_STYLE_REFERENCES: usize = 10;

impl Inputs {
    /// All of them, each with the field it came in.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut Source)> {
        let sources = self.sources.iter_mut().map(|s| ("sourceImages", s));
        let mask = self.mask.iter_mut().map(|s| ("mask", s));
        let styles = self.style_references.iter_mut();
        let character = self.character_reference.iter_mut();
        let character_mask = self.character_mask.iter_mut();
        sources
            .chain(mask)
            .chain(styles.map(|s| ("styleReferences", s)))
            .chain(character.map(|s| ("characterReference", s)))
            .chain(character_mask.map(|s| ("characterMask", s)))
    }

    /// All of them, each with the field it came in.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Source)> {
        let sources = self.sources.iter().map(|s| ("sourceImages", s));
        let mask = self.mask.iter().map(|s| ("mask", s));
        let styles = self.style_references.iter();
        let character = self.character_reference.iter();
        let character_mask = self.character_mask.iter();
        sources
            .chain(mask)
            .chain(styles.map(|s| ("styleReferences", s)))
            .chain(character.map(|s| ("characterReference", s)))
            .chain(character_mask.map(|s| ("characterMask", s)))
    }

    /// Whether no picture is handed in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Reads what a draft hands in, and checks that it is what `operation` needs. Whether a model
    /// takes it is the provider's matter.
    pub(crate) fn of(draft: &Draft, operation: Operation) -> Result<Self, Invalid> {
        let inputs = Self {
            sources: several("sourceImages", &draft.source_images, MAX_SOURCES)?,
            mask: one("mask", draft.mask.as_deref())?,
            style_references: several(
                "styleReferences",
                &draft.style_references,
                MAX_STYLE_REFERENCES,
            )?,
            character_reference: one("characterReference", draft.character_reference.as_deref())?,
            character_mask: one("characterMask", draft.character_mask.as_deref())?,
        };
        let needs = |field, reason: &str| Err(Invalid::missing(field, reason));
        if operation.needs_source() && inputs.sources.is_empty() {
            return needs("sourceImages", "say which picture to work on");
        }
        if inputs.mask.is_some() && inputs.sources.is_empty() {
            return needs(
                "sourceImages",
                "a mask needs the picture that it belongs to",
            );
        }
        if inputs.character_mask.is_some() && inputs.character_reference.is_none() {
            let reason = "a mask needs the picture that it belongs to";
            return needs("characterReference", reason);
        }
        Ok(inputs)
    }
}

fn one(field: &str, text: Option<&str>) -> Result<Option<Source>, Invalid> {
    let invalid = |err: InvalidValue| Invalid::field(field, err.to_string());
    let source = |origin| Source {
        origin,
        pinned: None,
    };
    text.map(|text| text.trim().parse().map(source).map_err(invalid))
        .transpose()
}

fn several(field: &str, texts: &[String], most: usize) -> Result<Vec<Source>, Invalid> {
    if texts.len() > most {
        return Err(Invalid::field(field, format!("at most {most} pictures")));
    }
    let sources = texts.iter().map(|text| one(field, Some(text)));
    sources.filter_map(Result::transpose).collect()
}
