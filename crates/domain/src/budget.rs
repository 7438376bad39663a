//! How much may be spent, by whom.

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

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::{prop_assert, prop_assert_eq, prop_assume, proptest};

    use super::*;

    #[test]
    fn people_type_what_they_read() -> Result<(), InvalidScope> {
        for text in [
            "tenant:default",
            "campaign:default:summer",
            "campaign:acme-shop:Été 2026: the 2nd. > *",
            "key:default:laptop",
        ] {
            assert_eq!(text.parse::<Scope>()?.to_string(), text);
        }
        Ok(())
    }

    #[test]
    fn what_names_no_scope_is_refused() {
        let long = format!("key:default:{}", "n".repeat(129));
        for bad in [
            "",
            "default",
            "tenant:",
            "tenant:a.b",
            "tenant:default:summer",
            "campaign:default",
            "campaign:default:",
            "campaign:default: summer",
            "campaign:default:a\nb",
            "campaign::summer",
            "team:default:summer",
            &long,
        ] {
            assert!(bad.parse::<Scope>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_is_legible_where_the_name_is_plain() -> Result<(), InvalidScope> {
        let token = |text: &str| text.parse().map(|scope: Scope| scope.token());
        assert_eq!(token("tenant:default")?, "tenant-default");
        assert_eq!(token("campaign:default:summer")?, "campaign-default-summer");
        assert_eq!(
            token("key:acme-shop:a.b é")?,
            "key-acme_2dshop-a_2eb_20_c3_a9"
        );
        Ok(())
    }

    #[test]
    fn a_scope_has_one_token() {
        for bad in [
            "",
            "tenant",
            "tenant_3adefault",
            "tenant-default_",
            "tenant-default_2",
            "tenant-defaul_74",
            "key-default-_FF",
            "key-default-_ff",
            "key-default-_2E",
            "key-default-a.b",
        ] {
            assert!(Scope::from_token(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_smallest_scope_comes_first() -> Result<(), InvalidScope> {
        let mut scopes: Vec<Scope> = vec![
            "tenant:a".parse()?,
            "campaign:a:a".parse()?,
            "key:z:z".parse()?,
        ];
        scopes.sort();
        let sorted: Vec<_> = scopes.iter().map(Scope::to_string).collect();
        assert_eq!(sorted, ["key:z:z", "campaign:a:a", "tenant:a"]);
        Ok(())
    }

    #[test]
    fn a_budget_limits_something() {
        let cent = Usd::from_micros(10_000);
        assert_eq!(Budget::new(None, None), Err(InvalidBudget::Unlimited));
        let debt = Budget::new(Some(cent), Some(Usd::from_micros(-1_000_000)));
        let told = debt.map_err(|err| err.to_string());
        assert_eq!(
            told,
            Err("`total` is -$1.00: expected zero, which allows nothing, or more".to_owned())
        );
        let budget = Budget::new(None, Some(Usd::ZERO));
        assert_eq!(
            budget.map(|budget| (budget.limit(Window::Day), budget.limit(Window::Total))),
            Ok((None, Some(Usd::ZERO)))
        );
    }

    proptest! {
        #[test]
        fn a_token_is_safe_and_leads_back(
            kind in 0..3,
            owner in "[A-Za-z0-9_-]{1,64}",
            name in any::<String>(),
        ) {
            let tenant = owner.parse::<Tenant>()?;
            let scope = match kind {
                0 => Scope::Key(tenant, name),
                1 => Scope::Campaign(tenant, name),
                _ => Scope::Tenant(tenant),
            };
            prop_assume!(scope.to_string().parse::<Scope>().is_ok());

            let token = scope.token();
            let safe = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
            prop_assert!(token.bytes().all(safe));
            prop_assert_eq!(Scope::from_token(&token), Ok(scope));
        }

        #[test]
        fn any_text_is_answered(text in any::<String>()) {
            if let Ok(scope) = Scope::from_token(&text) {
                prop_assert_eq!(scope.token(), text);
            }
        }
    }
}
