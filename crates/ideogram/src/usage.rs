//! What the organization was billed, as the provider's account pages tell it.
//!
//! <https://developer.ideogram.ai/api-reference/account/usage>

use domain::Usd;
use jiff::Timestamp;
use serde_json::Value;

/// How much time goes into one sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketWidth {
    /// An hour; a question may span 168 of them.
    Hour,
    /// A day (UTC); a question may span 92 of them.
    Day,
}

/// What was billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// In the provider's order; times without a bill may be left out.
    pub buckets: Vec<Bucket>,
    /// Whether the simulator answered.
    pub simulated: bool,
}

/// What was billed in one span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// When it begins.
    pub start: Timestamp,
    /// When it ends, exclusively.
    pub end: Timestamp,
    /// What was billed in it.
    pub lines: Vec<LineItem>,
}

/// One line of a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineItem {
    /// What it is for; empty if it does not say.
    pub product: String,
    /// The route, if it says so.
    pub endpoint: Option<String>,
    /// The provider's id of the API key that was used, if it says so. Never the key itself.
    pub api_key: Option<String>,
    /// The sum; negative for what was given back.
    pub cost: Usd,
}

impl BucketWidth {
    /// As the provider writes it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }
}

impl Usage {
    /// What was billed in all.
    #[must_use]
    pub fn cost(&self) -> Usd {
        self.buckets.iter().map(Bucket::cost).sum()
    }

    /// Reads a bill; nothing if a time or a sum in it cannot be read, as a bill with a line missing
    /// is worse than none.
    pub(crate) fn read(body: &Value, simulated: bool) -> Option<Self> {
        let buckets = body.get("buckets")?.as_array()?;
        let buckets = buckets.iter().map(Bucket::read).collect::<Option<_>>()?;
        Some(Self { buckets, simulated })
    }
}

impl Bucket {
    /// What was billed in it.
    #[must_use]
    pub fn cost(&self) -> Usd {
        self.lines.iter().map(|line| line.cost).sum()
    }

    fn read(bucket: &Value) -> Option<Self> {
        let time = |field| bucket.get(field)?.as_str()?.parse().ok();
        let lines = bucket.get("line_items")?.as_array()?;
        Some(Self {
            start: time("start_time")?,
            end: time("end_time")?,
            lines: lines.iter().map(LineItem::read).collect::<Option<_>>()?,
        })
    }
}

impl LineItem {
    fn read(line: &Value) -> Option<Self> {
        let text = |field| line.get(field)?.as_str().map(str::to_owned);
        let in_dollars = line.get("currency_code").is_none_or(|code| {
            code.as_str()
                .is_some_and(|code| code.eq_ignore_ascii_case("USD"))
        });
        let cost = match line.get("cost_total").filter(|_| in_dollars)? {
            Value::String(text) => dollars(text)?,
            Value::Number(number) => dollars(&number.to_string())?,
            _ => return None,
        };
        Some(Self {
            product: text("product").unwrap_or_default(),
            endpoint: text("endpoint"),
            api_key: line
                .get("api_key")
                .and_then(|key| key.get("id")?.as_str().map(str::to_owned)),
            cost,
        })
    }
}

/// Reads dollars such as `12.5` or `-0.080000`. What is less than a millionth rounds up, so that
/// a sum of ours is never less than the provider's.
fn dollars(text: &str) -> Option<Usd> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let (micros, rest) = fraction.split_at_checked(6).unwrap_or((fraction, ""));
    let micros: i64 = format!("{micros:0<6}").parse().ok()?;
    let whole = whole.parse::<i64>().ok()?.checked_mul(1_000_000)?;
    let amount = whole.checked_add(micros)?;
    let amount = if negative { -amount } else { amount };
    let rounds_up = !negative && rest.bytes().any(|digit| digit != b'0');
    amount
        .checked_add(i64::from(rounds_up))
        .map(Usd::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_to_the_millionth() {
        for (text, micros) in [
            ("0.08", 80_000),
            ("12", 12_000_000),
            ("0.251659", 251_659),
            ("-1.5", -1_500_000),
            ("-0.05", -50_000),
            ("0.0000001", 1),
            ("-0.0000001", 0),
            ("0.0800000", 80_000),
            ("9223372036854.775807", i64::MAX),
        ] {
            assert_eq!(dollars(text), Some(Usd::from_micros(micros)), "{text}");
        }
        for bad in [
            "",
            ".",
            "1.",
            ".5",
            "1e-5",
            "--1",
            "1,5",
            "$1",
            "NaN",
            "9223372036854.775808",
        ] {
            assert_eq!(dollars(bad), None, "{bad}");
        }
    }
}
