//! Files that mean harm or are broken, drawn up in code: what each is, and what must become of it.

mod avif;
mod jpeg;
mod other;
mod png;
mod webp;

use anyhow::Result;

/// What must become of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is an error.
    Refused,
    /// The picture in it is fine, whatever lies around it.
    Decoded,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) fate: Fate,
    pub(crate) bytes: Vec<u8>,
}

fn refused(name: &'static str, bytes: impl Into<Vec<u8>>) -> Case {
    Case {
        name,
        fate: Fate::Refused,
        bytes: bytes.into(),
    }
}

fn decoded(name: &'static str, bytes: impl Into<Vec<u8>>) -> Case {
    Case {
        name,
        fate: Fate::Decoded,
        bytes: bytes.into(),
    }
}

/// All files, none larger than 4 MiB.
pub(crate) fn all() -> Result<Vec<Case>> {
    Ok([
        other::all(),
        png::all()?,
        jpeg::all()?,
        webp::all()?,
        avif::all(),
    ]
    .into_iter()
    .flatten()
    .collect())
}
