use std::{io, path::PathBuf};

/// What can go wrong with the process itself. Configuration has its own [`EnvError`](crate::EnvError).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Work handed to [`blocking`](crate::blocking()) panicked; the text is the panic's message.
    #[error("blocking work panicked: {0}")]
    Panicked(String),
    /// Work handed to [`blocking`](crate::blocking()) never ran, because the runtime is stopping.
    #[error("the runtime is shutting down")]
    Stopping,
    /// The program to run is not a file.
    #[error("cannot run `{}`: no such file", .0.display())]
    NoProgram(PathBuf),
    /// The child process, or the file its output goes to, could not be set up.
    #[error("cannot start `{}`", program.display())]
    Spawn {
        /// What was to be run.
        program: PathBuf,
        /// Why it was not.
        source: io::Error,
    },
    /// Signals cannot be listened for.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// The operations port cannot be opened.
    #[error("cannot listen on {addr} (DARKROOM_OPS_LISTEN)")]
    Listen {
        /// The address asked for.
        addr: std::net::SocketAddr,
        /// Why it is not ours.
        source: io::Error,
    },
}
