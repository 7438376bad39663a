/// What questions and answers have in common.
pub use prost::Message;

use crate::DecodeError;

/// The question for one generation: [`HistoryGet`](crate::v1::HistoryGet), answered by a
/// [`Generation`](crate::v1::Generation).
pub const HISTORY_GET: &str = "history.get";
/// The search: [`HistorySearch`](crate::v1::HistorySearch), answered by a
/// [`HistoryPage`](crate::v1::HistoryPage).
pub const HISTORY_SEARCH: &str = "history.search";

/// Who asked for the same: [`HistoryFind`](crate::v1::HistoryFind), answered by a
/// [`HistoryFound`](crate::v1::HistoryFound).
pub const HISTORY_FIND: &str = "history.find";
/// Where the money went: [`SpendQuery`](crate::v1::SpendQuery), answered by a
/// [`SpendReport`](crate::v1::SpendReport).
pub const HISTORY_SPEND: &str = "history.spend";
/// Not to be bought: [`GenerationCommand`](crate::v1::GenerationCommand), answered by a
/// [`Receipt`](crate::v1::Receipt).
pub const CANCEL: &str = "generator.cancel";
/// The end of a generation whose outcome is unknown:
/// [`GenerationCommand`](crate::v1::GenerationCommand), answered by a [`Receipt`](crate::v1::Receipt).
pub const DISCARD: &str = "generator.discard";
/// Nothing more is bought: [`AccountCommand`](crate::v1::AccountCommand), answered by an
/// [`AccountStatus`](crate::v1::AccountStatus).
pub const PAUSE: &str = "generator.pause";
/// Work goes on: as [`PAUSE`].
pub const RESUME: &str = "generator.resume";
/// How the account is doing: an [`AccountCommand`](crate::v1::AccountCommand) without a reason,
/// answered by an [`AccountStatus`](crate::v1::AccountStatus).
pub const STATUS: &str = "generator.status";
/// Sets a budget: [`BudgetCommand`](crate::v1::BudgetCommand), answered by a
/// [`BudgetStatus`](crate::v1::BudgetStatus).
pub const BUDGET: &str = "generator.budget";
/// All budgets of a tenant: [`BudgetQuery`](crate::v1::BudgetQuery), answered by a
/// [`BudgetReport`](crate::v1::BudgetReport).
pub const BUDGETS: &str = "generator.budgets";
/// Other links to what was drawn before: [`LinksQuery`](crate::v1::LinksQuery), answered by
/// [`Links`](crate::v1::Links). 400 and 404 are final, 503 is worth another try.
pub const LINKS: &str = "generator.links";
/// What a request would cost: a [`GenerationRequest`](crate::v1::GenerationRequest), answered by a
/// [`Quote`](crate::v1::Quote). Any replica that admits answers.
pub const QUOTE: &str = "admission.quote";

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
