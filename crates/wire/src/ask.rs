use prost::Message;

use crate::DecodeError;

/// The question for one generation: [`HistoryGet`](crate::v1::HistoryGet), answered by a
/// [`Generation`](crate::v1::Generation).
pub const HISTORY_GET: &str = "history.get";
/// The search: [`HistorySearch`](crate::v1::HistorySearch), answered by a
/// [`HistoryPage`](crate::v1::HistoryPage).
pub const HISTORY_SEARCH: &str = "history.search";

/// Reads a question or an answer.
///
/// # Errors
///
/// [`DecodeError::Protobuf`]: it is none of that kind.
pub fn read<M: Message + Default>(body: &[u8]) -> Result<M, DecodeError> {
    let name = || {
        std::any::type_name::<M>()
            .rsplit(':')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    M::decode(body).map_err(|source| DecodeError::Protobuf {
        name: name(),
        source,
    })
}

/// Writes a question, an answer, or a request as a user may publish it.
#[must_use]
pub fn write<M: Message>(message: &M) -> Vec<u8> {
    message.encode_to_vec()
}
