use std::str::FromStr;

use domain::{Tenant, Usd};
use jiff::Timestamp;

use crate::Error;

/// What money is added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// What it was for.
    Campaign,
    /// The API key that it was asked for with, by its public name.
    Key,
    /// What it was marked with. A generation with two tags is in two groups, and in the total once.
    Tag,
    /// Who drew it.
    Model,
    /// The UTC day on which the call began.
    Day,
}

impl FromStr for Grouping {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "campaign" => Ok(Self::Campaign),
            "key" => Ok(Self::Key),
            "tag" => Ok(Self::Tag),
            "model" => Ok(Self::Model),
            "day" => Ok(Self::Day),
            _ => Err("expected one of campaign, key, tag, model, day"),
        }
    }
}

/// Which money to add up, and by what.
#[derive(Debug, Clone)]
pub struct SpendQuery {
    /// Whose.
    pub tenant: Tenant,
    /// By what.
    pub by: Grouping,
    /// Of calls that began at this time or after.
    pub from: Option<Timestamp>,
    /// Of calls that began before.
    pub to: Option<Timestamp>,
}

/// What became of money. Of what is settled, `withheld`, `duplicate` and `late` were wasted, each
/// micro-dollar for one reason at the most.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Spend {
    /// How many pictures were delivered.
    pub images: u64,
    /// What calls may cost that have no outcome yet.
    pub reserved: Usd,
    /// What the provider charged.
    pub settled: Usd,
    /// What calls may have cost whose outcome nobody knows.
    pub unknown: Usd,
    /// Charged for pictures that the provider withheld.
    pub withheld: Usd,
    /// Charged for what had been asked for before.
    pub duplicate: Usd,
    /// Charged for pictures that came when nobody waited any more, or never.
    pub late: Usd,
    /// What was not charged because earlier pictures were handed out.
    pub saved: Usd,
}

/// One line of a report.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct SpendRow {
    /// The campaign, key, tag, model or day, which is written `2026-11-21`; empty for what has
    /// none, and in the total.
    pub group: String,
    /// How many generations called the provider, or were served without.
    pub generations: u64,
    /// Their money.
    pub spend: Spend,
}

/// Where the money went.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct SpendReport {
    /// One line for each group, in the order of their names.
    pub rows: Vec<SpendRow>,
    /// All of it.
    pub total: SpendRow,
}

impl SpendQuery {
    /// As many groups as there can be in one report: it travels in one message.
    pub const MAX_GROUPS: usize = 5_000;

    pub(crate) fn check(&self) -> Result<(), Error> {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from >= to => Err(Error::Question {
                field: "to",
                reason: "must be later than `from`".to_owned(),
            }),
            _ => Ok(()),
        }
    }
}
