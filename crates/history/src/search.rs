use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Generation, GenerationId, Model, Status, Tenant};
use jiff::Timestamp;

use crate::Error;

/// More than anybody can have meant: a prompt has 10,000 characters at the most.
const LONGEST: usize = 10_000;

/// What to look for. All conditions must hold.
#[derive(Debug, Clone)]
pub struct Search {
    /// Whose generations.
    pub tenant: Tenant,
    /// A part of the prompt. From three characters on, case and diacritics do not matter.
    pub q: Option<String>,
    /// Who drew it.
    pub model: Option<Model>,
    /// What it was for.
    pub campaign: Option<String>,
    /// Where it stands.
    pub status: Option<Status>,
    /// The seed that was asked for, or that one of the pictures was drawn from.
    pub seed: Option<i64>,
    /// The requester's name for it.
    pub custom_id: Option<String>,
    /// Created at or after.
    pub from: Option<Timestamp>,
    /// Created before.
    pub to: Option<Timestamp>,
    /// Where the page before ended: its [`Page::cursor`].
    pub cursor: Option<String>,
    /// How many at the most, 1 to 200.
    pub limit: u32,
}

/// A part of what was found, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// What was found.
    pub items: Vec<Generation>,
    /// Where the next page begins; none on the last.
    pub cursor: Option<String>,
}

impl Search {
    /// As many as there are on a page unless somebody asks for another number.
    pub const DEFAULT_LIMIT: u32 = 50;
    /// As many as there can be on a page.
    pub const MAX_LIMIT: u32 = 200;

    /// Everything of `tenant`.
    #[must_use]
    pub const fn all(tenant: Tenant) -> Self {
        Self {
            tenant,
            q: None,
            model: None,
            campaign: None,
            status: None,
            seed: None,
            custom_id: None,
            from: None,
            to: None,
            cursor: None,
            limit: Self::DEFAULT_LIMIT,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let question = |field, reason: String| Err(Error::Question { field, reason });
        if !(1..=Self::MAX_LIMIT).contains(&self.limit) {
            return question("limit", format!("must be from 1 to {}", Self::MAX_LIMIT));
        }
        if self
            .q
            .as_ref()
            .is_some_and(|q| q.chars().nth(LONGEST).is_some())
        {
            return question("q", format!("must have at most {LONGEST} characters"));
        }
        Ok(())
    }

    pub(crate) fn place(&self) -> Result<Option<Place>, Error> {
        self.cursor.as_deref().map(Place::read).transpose()
    }
}

/// A place in the order of all generations: by time, and by id within one microsecond.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Microseconds since 1970.
    pub(crate) created_at: i64,
    pub(crate) id: GenerationId,
}

impl Place {
    pub(crate) fn of(generation: &Generation) -> Self {
        let created_at = generation.created_at.as_microsecond();
        Self {
            created_at,
            id: generation.id,
        }
    }

    pub(crate) fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}.{}", self.created_at, self.id))
    }

    fn read(text: &str) -> Result<Self, Error> {
        Self::parse(text).ok_or_else(|| Error::Question {
            field: "cursor",
            reason: "must be the cursor of the page before, unchanged".to_owned(),
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (created_at, id) = text.split_once('.')?;
        Some(Self {
            created_at: created_at.parse().ok()?,
            id: id.parse().ok()?,
        })
    }
}
