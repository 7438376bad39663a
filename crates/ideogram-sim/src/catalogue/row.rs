//! What a row of the catalogue can say.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::size::Size;
use super::words::Spelling;
use crate::answer::Refusal;
use crate::schema::Asked;

/// One route that takes an order: what it takes, what it makes of it, what that costs, and how it
/// answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) body: BodyKind,
    /// The field whose object holds all others, on some legacy routes.
    pub(crate) envelope: Option<&'static str>,
    pub(crate) run: Run,
    /// Whether it knows `webhook_url`, which implies `async`.
    pub(crate) webhook: bool,
    /// Whether `dry_run` asks for a quote; where it does not, the call runs and bills.
    pub(crate) dry_run: bool,
    /// Whether a quote is an estimate with an upper bound.
    pub(crate) estimate: bool,
    pub(crate) shape: Shape,
    pub(crate) work: Work,
    /// What the mask means, where there is one.
    pub(crate) mask: Mask,
    /// Whether the pictures have an alpha channel.
    pub(crate) transparent: bool,
    /// The size of the pictures, from the fields and the size of the source.
    pub(crate) size: fn(&Asked, Option<Size>) -> Result<Size, Refusal>,
    /// USD micros of one image.
    pub(crate) price: i64,
    /// What is added to that, by the words of some fields.
    pub(crate) tiers: &'static [Tier],
    pub(crate) fields: &'static [&'static [Field]],
    pub(crate) rules: &'static [&'static [Rule]],
    /// The row that holds instead once one of these fields is given.
    pub(crate) variant: Option<(&'static [&'static str], &'static Self)>,
}

/// How a body may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyKind {
    Json,
    Multipart,
    Either,
}

/// When an order is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    /// When it is done.
    Held,
    /// When it is done, or at once if `async` asks for it.
    Asked,
    /// At once.
    Always,
}

/// The shape of a 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Shape {
    /// `generation_id`, `seed`, `data`.
    Images,
    /// That and `generation_kind`.
    Kind,
    /// That of [`Shape::Images`], and `width` and `height`.
    Sized,
    /// No data, ever: `generation_id`, `seed`, `width`, `height`.
    Measured,
    /// `generation_id` alone.
    Id,
    /// `generation_id`, and one item without prompt, seed and size.
    Cutout,
    /// [`Shape::Sized`] with items that have no prompt.
    Upscaled,
    /// v1: `created`, `data`.
    V1,
    /// Legacy: v1's and `request_id`.
    Legacy,
    /// A description in words.
    Texts,
    /// A description as a structured prompt.
    Structured,
    /// A description on the legacy route.
    LegacyTexts,
}

/// How a picture comes out of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Work {
    /// From the prompt; a source, where one is given, shows through by half.
    Draw,
    /// The source with so many percent of something new.
    Blend(u8),
    /// The source, something new where a mask says so.
    Repaint(Mask),
    /// The whole source within something new.
    Extend,
    /// The middle of the source before something new.
    Behind,
    /// No picture but a description.
    Describe,
}

/// Which part of a mask stands for change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mask {
    Black,
    /// Black, and both colours have to be there.
    BlackOfTwo,
    White,
    Transparent,
}

/// A field whose words have prices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tier {
    pub(crate) field: &'static str,
    pub(crate) spelling: Spelling,
    /// What holds where the field is absent.
    pub(crate) usual: &'static str,
    /// The words and what each adds, USD micros an image.
    pub(crate) prices: &'static [(&'static str, i64)],
}

/// A field of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Characters, at least and at most.
    Text(usize, usize),
    /// One of these words.
    Word(&'static str, Spelling),
    /// An integer, at least and at most.
    Whole(u32, u32),
    /// A number, at least and at most.
    Number(f64, f64),
    /// True or false, or null where that counts as absent.
    Flag { nullable: bool },
    /// `WxH` in pixels.
    Pixels,
    /// Eight hexadecimal digits each.
    Codes,
    /// A name or weighted colours.
    Palette(Spelling),
    /// 22 characters of URL-safe base64.
    Id,
    /// `model/…/version/…`.
    ModelUri,
    /// Up to four of those with weights.
    ModelUris,
    /// An image that the provider has.
    Asset,
    /// So many of those.
    Assets(usize),
    /// Files: how many, and how large each, in MB of 2^20.
    Files(usize, usize),
}

/// What joins several fields.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// Exactly one of them, else these words.
    One(&'static str, &'static [&'static str]),
    AtMostOne(&'static [&'static str]),
    /// The first excludes each of the others.
    Excludes(&'static str, &'static [&'static str]),
    /// What no table can say.
    Also(fn(&Asked) -> Result<(), Refusal>),
}

impl Route {
    /// The row that holds for a body in which `given` says which fields there are.
    pub(crate) fn for_body(&'static self, given: impl Fn(&str) -> bool) -> &'static Self {
        match self.variant {
            Some((names, other)) if names.iter().any(|name| given(name)) => other,
            _ => self,
        }
    }

    /// Every field but those of the tiers.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Field> {
        const ASYNC: Field = Field::new("async", Kind::Flag { nullable: false });
        const WEBHOOK: Field = Field::new("webhook_url", Kind::Text(0, 2_048));
        let own = self.fields.iter().copied().flatten().copied();
        own.chain((self.run == Run::Asked).then_some(ASYNC))
            .chain(self.webhook.then_some(WEBHOOK))
    }

    /// What a field of this name may hold, whichever row holds in the end.
    pub(crate) fn kind(&self, name: &str) -> Option<Kind> {
        let rows = [Some(self), self.variant.map(|(_, other)| other)];
        rows.into_iter()
            .flatten()
            .flat_map(Self::fields)
            .find(|field| field.name == name)
            .map(|field| field.kind)
    }

    /// What one image costs, USD micros.
    pub(crate) fn usd_micros(&self, asked: &Asked) -> i64 {
        let listed = |tier: &Tier| {
            let word = tier.word(asked);
            let found = tier.prices.iter().find(|(listed, _)| *listed == word);
            found.map_or(0, |(_, price)| *price)
        };
        self.price + self.tiers.iter().map(listed).sum::<i64>()
    }

    /// The word of its first tier.
    pub(crate) fn tier<'a>(&self, asked: &'a Asked) -> &'a str {
        self.tiers
            .first()
            .map_or("default", |tier| tier.word(asked))
    }

    pub(crate) fn takes_multipart(&self) -> bool {
        self.body != BodyKind::Json
    }

    /// Refuses an upload for its size, with the status that this route documents.
    pub(crate) fn too_large(&self, message: String) -> Refusal {
        if self.path.starts_with("/v2/image/remove-object/") {
            Refusal::semantic(StatusCode::PAYLOAD_TOO_LARGE, message)
        } else {
            Refusal::invalid(message)
        }
    }
}

impl Tier {
    fn word<'a>(&self, asked: &'a Asked) -> &'a str {
        asked.word(self.field).unwrap_or(self.usual)
    }
}

impl Field {
    pub(crate) const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            required: false,
        }
    }

    pub(crate) const fn word(name: &'static str, words: &'static str) -> Self {
        Self::new(name, Kind::Word(words, Spelling::Listed))
    }

    pub(crate) const fn capitals(name: &'static str, words: &'static str) -> Self {
        Self::new(name, Kind::Word(words, Spelling::Capitals))
    }

    pub(crate) const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }
}
