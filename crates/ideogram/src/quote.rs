use domain::Usd;
use serde_json::Value;

use crate::answer::micros;

/// What the provider says a call would cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// The price of all its images.
    pub usd: Usd,
    /// The most it can cost; none for an estimate without a bound, which is no basis for a budget.
    pub upper_bound: Option<Usd>,
    /// Whether it is the price and not an estimate.
    pub exact: bool,
    /// Whether the simulator answered.
    pub simulated: bool,
}

impl Quote {
    /// Reads a `PriceQuote`; nothing if it is none.
    pub(crate) fn read(body: &Value, simulated: bool) -> Option<Self> {
        let usd = micros(body, "usd_micros")?;
        let exact = body.get("qualifier").and_then(Value::as_str) == Some("exact");
        let upper_bound = micros(body, "upper_bound_usd_micros").or(exact.then_some(usd));
        Some(Self {
            usd,
            upper_bound,
            exact,
            simulated,
        })
    }
}
