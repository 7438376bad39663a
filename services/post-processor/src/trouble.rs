//! Why a picture has no cuts.

use domain::{Billed, Code, Failure, Phase};

/// Why a picture has no derivatives.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It never will have any.
    Hopeless(Failure),
    /// It may, a little later.
    Again(bus::Source, Failure),
}

pub(crate) fn hopeless(code: Code, message: String) -> Trouble {
    Trouble::Hopeless(failure(code, message))
}

pub(crate) fn storing(err: storage::Error) -> Trouble {
    let message = format!("the cuts could not be made: {err}");
    match err.is_permanent() {
        true => hopeless(Code::StoreFailed, message),
        false => Trouble::Again(err.into(), failure(Code::StoreFailed, message)),
    }
}

/// Whatever happens here, the picture was paid for, and its original is kept.
pub(crate) const fn failure(code: Code, message: String) -> Failure {
    Failure {
        code,
        message,
        phase: Phase::Derivation,
        billed: Billed::Yes,
    }
}
