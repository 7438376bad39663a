//! What can be wrong with a message.

/// A body that is no event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It is not the JSON that was promised.
    #[error("not the JSON of a `{name}`")]
    Json {
        /// What it was taken for.
        name: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It is not the protobuf message that was promised.
    #[error("not the protobuf message of a `{name}`")]
    Protobuf {
        /// What it was taken for.
        name: String,
        /// What is wrong with it.
        source: prost::DecodeError,
    },
    /// A field has a value that it may not have.
    #[error("`{field}` {reason}")]
    Field {
        /// Its name in the schema.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// No event has this name.
    #[error("there is no event `{0}`")]
    UnknownEvent(String),
}

impl DecodeError {
    pub(crate) fn missing(field: &'static str) -> Self {
        Self::Field {
            field,
            reason: "is missing".to_owned(),
        }
    }
}
