use bus::Stage;

#[derive(Debug, clap::Args)]
pub(crate) struct Dead {
    #[command(subcommand)]
    pub(crate) verb: DeadVerb,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum DeadVerb {
    /// What nobody could handle, oldest first
    List {
        /// Of one stage: admit, generate, upload, process, notify or record
        #[arg(long, value_parser = stage)]
        stage: Option<Stage>,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show one message: why it died, its headers and its body
    Show {
        /// Its number in the list
        sequence: u64,
    },
    /// Put messages back to work, once what killed them is gone
    #[command(group = clap::ArgGroup::new("which").required(true))]
    Replay {
        /// Its number in the list
        #[arg(group = "which")]
        sequence: Option<u64>,
        /// All of one stage
        #[arg(long, value_parser = stage, group = "which")]
        stage: Option<Stage>,
        /// All that there are now
        #[arg(long, group = "which")]
        all: bool,
    },
    /// Throw one message away, for good
    Discard {
        /// Its number in the list
        sequence: u64,
    },
}

fn stage(name: &str) -> Result<Stage, String> {
    Stage::named(name).ok_or_else(|| {
        let names = Stage::ALL.map(Stage::name).join(", ");
        format!("there is no such stage; there are {names}")
    })
}
