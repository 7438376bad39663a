//! The verbs that are about money and the provider account.

use clap::{Subcommand, ValueEnum};

#[derive(Debug, clap::Args)]
pub(crate) struct Spend {
    /// What to add up by
    #[arg(long, value_enum, default_value_t = By::Campaign)]
    pub(crate) by: By,
    /// From this day or time on, in UTC
    #[arg(long)]
    pub(crate) from: Option<String>,
    /// Up to this day or time, without it
    #[arg(long)]
    pub(crate) to: Option<String>,
    /// Print CSV, with amounts in millionths of a dollar
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// Print JSON, with amounts in millionths of a dollar
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Campaign,
    Key,
    Tag,
    Model,
    Day,
}

impl By {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Campaign => "campaign",
            Self::Key => "key",
            Self::Tag => "tag",
            Self::Model => "model",
            Self::Day => "day",
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Budget {
    #[command(subcommand)]
    pub(crate) verb: BudgetVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BudgetVerb {
    /// Limit what is spent on tenant:TENANT, campaign:TENANT:NAME or key:TENANT:NAME
    Set {
        scope: String,
        /// At most so many dollars on each UTC day, such as 5.00
        #[arg(long, value_name = "USD", required_unless_present = "total")]
        per_day: Option<String>,
        /// At most so many dollars ever, such as 100
        #[arg(long, value_name = "USD")]
        total: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show all limits, and what is left of them
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Lift a limit
    Remove { scope: String },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Pause {
    /// Why, for those who wonder where their pictures are
    pub(crate) reason: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Account {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A generation that something is decided about.
#[derive(Debug, clap::Args)]
pub(crate) struct Decision {
    /// The generation, `gen_…`
    pub(crate) id: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Retry {
    /// The generation, `gen_…`, failed or unknown
    pub(crate) id: String,
    /// Pay a second time, should the first attempt turn out to have been billed
    #[arg(long)]
    pub(crate) accept_double_billing: bool,
    /// Return at once
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Print the whole resource as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
