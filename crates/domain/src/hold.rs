//! What holds work back.

use crate::failure::words;

/// Why nothing is bought for the moment. Work waits meanwhile and loses nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hold {
    /// The account has no credits left.
    OutOfFunds,
    /// The account has reached its limit for today.
    DailyLimit,
    /// The account needs a subscription.
    SubscriptionRequired,
    /// The provider does not accept the API key.
    BadKey,
    /// The account may not do this.
    Forbidden,
    /// The provider asks to slow down.
    Cooling,
    /// The provider cannot be reached.
    Unreachable,
    /// An operator said so.
    Paused,
    /// What is bought could not be stored in time.
    Store,
}

words!(Hold: OutOfFunds = "out_of_funds", DailyLimit = "daily_limit",
    SubscriptionRequired = "subscription_required", BadKey = "bad_key", Forbidden = "forbidden",
    Cooling = "cooling", Unreachable = "unreachable", Paused = "paused", Store = "store");

impl Hold {
    /// For people: what has happened, and what ends it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::OutOfFunds => {
                "the provider account has no credits left; top it up, and work goes on by itself"
            }
            Self::DailyLimit => {
                "the provider account has reached its limit for today; raise it, or wait for tomorrow"
            }
            Self::SubscriptionRequired => {
                "the provider account needs a subscription; work goes on by itself once it has one"
            }
            Self::BadKey => {
                "the provider does not accept the API key; put a valid one into IDEOGRAM_API_KEY"
            }
            Self::Forbidden => {
                "the provider account may not do this; check its permissions with the provider"
            }
            Self::Cooling => "the provider asks to slow down; work goes on by itself",
            Self::Unreachable => "the provider cannot be reached; work goes on when it can",
            Self::Paused => "an operator paused the account; `darkroom resume` ends it",
            Self::Store => {
                "the store cannot keep up or does not take images; work goes on when it does"
            }
        }
    }
}
