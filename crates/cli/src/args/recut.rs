//! The options of `darkroom recut`.

use clap::ArgGroup;

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true)
    .args(["q", "campaign", "model", "tag", "from", "to", "ids", "all"]))]
pub(crate) struct Recut {
    /// What to cut: a preset's name, or one with changes such as
    /// '{"preset":"instagram","gravity":"text-safe","format":"webp"}'
    #[arg(long = "preset", required = true)]
    pub(crate) presets: Vec<String>,
    /// Pictures whose prompt has this part
    #[arg(long)]
    pub(crate) q: Option<String>,
    #[arg(long)]
    pub(crate) campaign: Option<String>,
    #[arg(long)]
    pub(crate) model: Option<String>,
    #[arg(long)]
    pub(crate) tag: Option<String>,
    /// Asked for on this day or later, in UTC
    #[arg(long)]
    pub(crate) from: Option<String>,
    /// Asked for before this day
    #[arg(long)]
    pub(crate) to: Option<String>,
    /// These generations, `gen_…`
    #[arg(long = "id", conflicts_with_all = ["q", "campaign", "model", "tag", "from", "to", "all"])]
    pub(crate) ids: Vec<String>,
    /// All pictures
    #[arg(long, conflicts_with_all = ["q", "campaign", "model", "tag", "from", "to"])]
    pub(crate) all: bool,
    /// Show what there is to do, and order nothing
    #[arg(long, conflicts_with = "yes")]
    pub(crate) plan: bool,
    /// Order without being asked
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
