//! How things fail: with a code, a phase, and a word about the money.

use crate::Code;

/// Whether the provider took money for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billed {
    /// Nothing was billed.
    No,
    /// It was billed.
    Yes,
    /// Nobody can tell yet.
    Unknown,
}

/// How far a generation had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Being checked; nothing was asked of the provider.
    Admission,
    /// At the provider.
    Generation,
    /// Between the provider's links and our store.
    Download,
    /// Being cut into derivatives.
    Derivation,
    /// Being told to those who asked.
    Notification,
}

macro_rules! words {
    ($type:ident: $($variant:ident = $text:literal),*) => {
        impl $type {
            /// The word on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::InvalidValue;

            fn from_str(text: &str) -> Result<Self, $crate::InvalidValue> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err($crate::InvalidValue::new(concat!("one of", $(" ", $text),*))),
                }
            }
        }
    };
}
pub(crate) use words;

words!(Billed: No = "no", Yes = "yes", Unknown = "unknown");
words!(Phase: Admission = "admission", Generation = "generation", Download = "download",
    Derivation = "derivation", Notification = "notification");

/// Why a generation, an image or a notification came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// For people: what happened and what to do about it.
    pub message: String,
    /// How far it had come.
    pub phase: Phase,
    /// Whether it cost money.
    pub billed: Billed,
}

impl Failure {
    /// A failure of a request that never reached the provider.
    #[must_use]
    pub fn at_admission(invalid: &Invalid) -> Self {
        Self {
            code: invalid.code,
            message: invalid.to_string(),
            phase: Phase::Admission,
            billed: Billed::No,
        }
    }
}

/// A request that cannot be accepted, and the field to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {reason}")]
pub struct Invalid {
    /// The field's name as a user writes it; `body` if it is none in particular.
    pub field: String,
    /// The stable code.
    pub code: Code,
    /// What is wrong and what is expected.
    pub reason: String,
}

impl Invalid {
    /// `field` has a value that it may not have.
    pub fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            code: Code::InvalidField,
            reason: reason.into(),
        }
    }

    /// `field` is not there and must be.
    pub fn missing(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            code: Code::MissingField,
            reason: reason.into(),
        }
    }

    /// `field` asks for something that cannot be served.
    pub fn unsupported(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            code: Code::Unsupported,
            reason: reason.into(),
        }
    }
}
