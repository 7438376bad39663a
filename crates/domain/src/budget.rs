//! How much may be spent, by whom.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use crate::failure::words;
use crate::{Tenant, Usd};

/// The longest name of a campaign or a key.
const NAME_CHARS: usize = 128;

/// What a budget is for. Ordered from the smallest to the largest: where several are used up, the
/// smallest is the one that waits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// What is asked for with one API key of a tenant, by the key's name.
    Key(Tenant, String),
    /// One campaign of a tenant, by its name.
    Campaign(Tenant, String),
    /// All that a tenant asks for.
    Tenant(Tenant),
}

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no scope, which looks like `tenant:default`, `campaign:default:summer` or \
     `key:default:laptop`, with a name of 1 to {NAME_CHARS} characters"
)]
pub struct InvalidScope {
    text: String,
}

impl Scope {
    /// The scope as one token of `A-Za-z0-9_-`, for NATS subjects and keys of a bucket:
    /// `campaign-default-summer`. A hyphen stands for the colon of the written form, and `_2e` for
    /// any other byte, in hexadecimal. Two scopes never share a token.
    #[must_use]
    pub fn token(&self) -> String {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let text = self.to_string();
        let mut token = String::with_capacity(text.len());
        for byte in text.bytes() {
            match byte {
                b':' => token.push('-'),
                _ if byte.is_ascii_alphanumeric() => token.push(char::from(byte)),
                _ => {
                    token.push('_');
                    token.push(char::from(HEX[usize::from(byte >> 4)]));
                    token.push(char::from(HEX[usize::from(byte & 15)]));
                }
            }
        }
        token
    }

    /// The scope that has this [token](Self::token).
    ///
    /// # Errors
    ///
    /// The text is not the token of any scope.
    pub fn from_token(token: &str) -> Result<Self, InvalidScope> {
        decoded(token)
            .and_then(|text| text.parse::<Self>().ok())
            .filter(|scope| scope.token() == token)
            .ok_or_else(|| invalid(token))
    }

    /// Whose it is.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        match self {
            Self::Key(tenant, _) | Self::Campaign(tenant, _) | Self::Tenant(tenant) => tenant,
        }
    }
}

impl fmt::Display for Scope {
    /// As people write it: `tenant:default`, `campaign:default:summer`, `key:default:laptop`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(tenant, name) => write!(f, "key:{tenant}:{name}"),
            Self::Campaign(tenant, name) => write!(f, "campaign:{tenant}:{name}"),
            Self::Tenant(tenant) => write!(f, "tenant:{tenant}"),
        }
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let (kind, rest) = text.split_once(':').ok_or_else(|| invalid(text))?;
        let tenant = |tenant: &str| tenant.parse::<Tenant>().map_err(|_| invalid(text));
        if kind == "tenant" {
            return tenant(rest).map(Self::Tenant);
        }
        // A tenant has no colon, so whatever follows the second one is the name.
        let (owner, name) = rest.split_once(':').ok_or_else(|| invalid(text))?;
        let fits = (1..=NAME_CHARS).contains(&name.chars().count())
            && !name.chars().any(char::is_control)
            && name.trim() == name;
        match kind {
            "campaign" if fits => Ok(Self::Campaign(tenant(owner)?, name.to_owned())),
            "key" if fits => Ok(Self::Key(tenant(owner)?, name.to_owned())),
            _ => Err(invalid(text)),
        }
    }
}

/// Over which time a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// One day, in UTC. Money belongs to the day on which its call began.
    Day,
    /// From the first call on.
    Total,
}

words!(Window: Day = "day", Total = "total");

/// The most that may be spent. Has at least one limit, and none below zero; zero allows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    per_day: Option<Usd>,
    total: Option<Usd>,
}

/// Limits that make no budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBudget {
    /// There is nothing to hold.
    #[error("expected `perDay`, `total` or both: a budget without a limit limits nothing")]
    Unlimited,
    /// A limit is below zero.
    #[error("`{field}` is {amount}: expected zero, which allows nothing, or more")]
    Negative {
        /// Which limit.
        field: &'static str,
        /// What it was.
        amount: Usd,
    },
}

impl Budget {
    /// How many hundredths of a limit are used when people are warned.
    pub const WARNING_PERCENT: u8 = 80;

    /// At most `per_day` on each UTC day, and at most `total` ever.
    ///
    /// # Errors
    ///
    /// Neither is given, or one is negative.
    pub fn new(per_day: Option<Usd>, total: Option<Usd>) -> Result<Self, InvalidBudget> {
        for (field, limit) in [("perDay", per_day), ("total", total)] {
            if let Some(amount) = limit.filter(|amount| *amount < Usd::ZERO) {
                return Err(InvalidBudget::Negative { field, amount });
            }
        }
        if per_day.is_none() && total.is_none() {
            return Err(InvalidBudget::Unlimited);
        }
        Ok(Self { per_day, total })
    }

    /// The limit over `window`, if there is one.
    #[must_use]
    pub const fn limit(self, window: Window) -> Option<Usd> {
        match window {
            Window::Day => self.per_day,
            Window::Total => self.total,
        }
    }
}

fn invalid(text: &str) -> InvalidScope {
    InvalidScope {
        text: text.chars().take(64).collect(),
    }
}

fn decoded(token: &str) -> Option<String> {
    let hex = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = token.bytes();
    let mut text = Vec::with_capacity(token.len());
    while let Some(byte) = bytes.next() {
        text.push(match byte {
            b'-' => b':',
            b'_' => u8::try_from(hex(bytes.next()?)? << 4 | hex(bytes.next()?)?).ok()?,
            _ => byte,
        });
    }
    String::from_utf8(text).ok()
}
