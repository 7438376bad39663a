//! News for whoever runs all this.

use domain::Event;
use serde::Serialize;
use wire::v1;

use crate::order::happened_at;

/// The fields are those of the event, as it travels.
#[derive(Serialize)]
struct Body {
    event: String,
    /// When it happened, RFC 3339; when it was told is in the headers.
    timestamp: String,
    #[serde(flatten)]
    news: News,
}

#[derive(Serialize)]
#[serde(untagged)]
enum News {
    Parked(v1::ProviderParked),
    Resumed(v1::ProviderResumed),
    Discrepancy(v1::ProviderDiscrepancy),
    Budget(v1::BudgetNotice),
    Untold(v1::NotificationFailed),
}

/// Whether `event` is for the operator, and for nobody else.
pub(crate) const fn is_for(event: &Event) -> bool {
    matches!(
        event,
        Event::ProviderParked(_)
            | Event::ProviderResumed(_)
            | Event::ProviderDiscrepancy(_)
            | Event::BudgetWarning(_)
            | Event::BudgetExhausted(_)
            | Event::NotificationFailed(_)
    )
}

/// The body that tells the operator of `event`; none if it is not for the operator.
pub(crate) fn body(event: &Event) -> Option<Vec<u8>> {
    let news = match event {
        Event::ProviderParked(event) => News::Parked(event.into()),
        Event::ProviderResumed(event) => News::Resumed(event.into()),
        Event::ProviderDiscrepancy(event) => News::Discrepancy(event.into()),
        Event::BudgetWarning(event) | Event::BudgetExhausted(event) => News::Budget(event.into()),
        Event::NotificationFailed(event) => News::Untold(event.into()),
        _ => return None,
    };
    let body = Body {
        event: format!("darkroom.{}", event.name()),
        timestamp: happened_at(event)?.to_string(),
        news,
    };
    // Cannot fail: every key is a string, and memory takes what is written.
    serde_json::to_vec(&body).ok()
}
