//! The verbs and their options.

mod dead;
mod money;
mod recut;
mod request;

use clap::{Parser, Subcommand};

pub(crate) use dead::{Dead, DeadVerb};
pub(crate) use money::{Account, Budget, BudgetVerb, Decision, Pause, Retry, Spend};
pub(crate) use recut::Recut;
pub(crate) use request::Request;

/// Event-driven production line for Ideogram images.
#[derive(Debug, Parser)]
#[command(name = "darkroom", version, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run everything on this machine: broker, services and, without `IDEOGRAM_API_KEY`, a simulated
    /// provider
    Up,
    /// Run the simulated provider alone, or control one that runs
    Sim(Sim),
    /// Make the streams, consumers and buckets
    Provision(Provision),
    /// Ask for pictures and wait for them
    Generate(Box<Generate>),
    /// Show one generation
    Get(Get),
    /// Search what was generated, newest first
    List(List),
    /// Stop a generation that is not bought yet
    Cancel(Decision),
    /// Try a failed or unknown generation again
    Retry(Retry),
    /// Give up a generation of which nobody can tell whether it was billed
    Discard(Decision),
    /// Cut stored pictures again, for new or changed presets; the provider bills nothing
    Recut(Box<Recut>),
    /// Show where the money went
    Spend(Spend),
    /// Limit what is spent
    Budget(Budget),
    /// Show how the provider account is doing
    Account(Account),
    /// Buy nothing more until `resume`; what is asked for waits
    Pause(Pause),
    /// Go on after a pause
    Resume(Account),
    /// Messages that nobody could handle: look, put back, throw away
    Dead(Dead),
    /// Durable subscriptions for your own services
    Subscriptions(Subscriptions),
    /// Print the secret that callbacks are signed with
    WebhookSecret(WebhookSecret),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Sim {
    #[command(subcommand)]
    pub(crate) verb: Option<SimVerb>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SimVerb {
    /// Switch a fault on: a JSON object such as '{"kind":"status","status":503,"count":3}'
    Fault {
        /// The fault; without one, those that are on are listed
        fault: Option<String>,
        /// Switch all faults off
        #[arg(long, conflicts_with = "fault")]
        clear: bool,
    },
    /// Every paid call
    Bill,
    /// What is in progress
    State,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Provision {
    /// Copies of every stream; 3 on a cluster
    #[arg(long, default_value_t = 1)]
    pub(crate) replicas: usize,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Generate {
    #[command(flatten)]
    pub(crate) request: Request,
    /// Say what it would cost and what the cuts would lose, and buy nothing
    #[arg(long, conflicts_with = "no_wait")]
    pub(crate) plan: bool,
    /// Return at once
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Print the whole resource as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Get {
    /// The generation, `gen_…`
    pub(crate) id: String,
    /// Print the whole resource as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// A part of the prompt
    pub(crate) q: Option<String>,
    #[arg(long)]
    pub(crate) campaign: Option<String>,
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// 1 to 200
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u32,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Subscriptions {
    #[command(subcommand)]
    pub(crate) verb: SubscriptionsVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SubscriptionsVerb {
    /// Make a durable consumer on EVENTS that keeps your place
    Add {
        /// Its name
        name: String,
        /// What it hears
        #[arg(long, value_delimiter = ',', default_value = "completed,failed")]
        events: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct WebhookSecret {
    /// Whose
    #[arg(long, default_value = "default")]
    pub(crate) tenant: String,
}
