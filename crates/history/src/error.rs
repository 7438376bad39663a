use std::{io, path::PathBuf};

/// What can go wrong with the history.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL names no database that this version can use.
    #[error(
        "a `{scheme}` database is not served by this version; \
         write sqlite://FOLDER/history.db, or sqlite:///FOLDER/history.db for an absolute path"
    )]
    Scheme {
        /// What stands before the colon; the rest may hold a password.
        scheme: String,
    },
    /// The URL names no file.
    #[error(
        "the database URL must name a file and nothing else, such as sqlite://FOLDER/history.db"
    )]
    NoFile,
    /// The database's folder cannot be created.
    #[error("cannot create the folder `{}` for the history", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The database cannot be opened for writing.
    #[error(
        "cannot open `{}` for writing; is it a file, and may we write it and its folder?",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: sqlx::Error,
    },
    /// The file is something else.
    #[error("`{}` is not an SQLite database; move it away or name another file", .0.display())]
    NotADatabase(PathBuf),
    /// The tables were made by a later version.
    #[error("the history has schema {found}, and this version knows {known}; run a newer Darkroom")]
    Newer {
        /// The version of the schema.
        found: i64,
        /// The latest that we know.
        known: i64,
    },
    /// The tables cannot be made.
    #[error("cannot bring the history's tables up to date")]
    Migrate(#[source] sqlx::Error),
    /// Events cannot be written down. None of them is.
    #[error("cannot write to the history")]
    Write(#[source] sqlx::Error),
    /// The database cannot be read.
    #[error("cannot read the history")]
    Read(#[source] sqlx::Error),
    /// A stored document is none.
    #[error("the history holds something that is no generation")]
    Decode(#[from] prost::DecodeError),
    /// A stored document holds a value that it may not hold.
    #[error("the history holds a generation that makes no sense")]
    Document(#[from] wire::DecodeError),
    /// A question makes no sense.
    #[error("`{field}` {reason}")]
    Question {
        /// Which part of it.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
}
