/// What an answer to a delivery attempt means for the next one.
///
/// Follows "Deliverability and reliability" of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// 2xx: the receiver has it. Never send it again.
    Delivered,
    /// 3xx: a failure with a name of its own, because redirects are never followed and the owner
    /// has to correct the address. Tried again meanwhile.
    Redirected,
    /// 410: the receiver wants no more messages. Switch its endpoint off.
    Gone,
    /// 429, 502, 503 and 504: the receiver has too much to do. Wait at least a minute. A caller
    /// whose attempt ran out of time says this too.
    Throttled,
    /// Anything else, no answer included: try again on schedule.
    Failed,
}

impl Verdict {
    /// Judges an HTTP status code.
    #[must_use]
    pub fn of(status: u16) -> Self {
        match status {
            200..=299 => Self::Delivered,
            300..=399 => Self::Redirected,
            410 => Self::Gone,
            429 | 502 | 503 | 504 => Self::Throttled,
            _ => Self::Failed,
        }
    }

    /// Whether no attempt may follow this one.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_the_verdict_of_the_specification() {
        for status in 0..=999 {
            let expected = match status / 100 {
                2 => Verdict::Delivered,
                3 => Verdict::Redirected,
                _ if status == 410 => Verdict::Gone,
                _ if [429, 502, 503, 504].contains(&status) => Verdict::Throttled,
                _ => Verdict::Failed,
            };

            assert_eq!(Verdict::of(status), expected, "{status}");
        }
    }

    #[test]
    fn only_success_and_gone_are_final() {
        let finals: Vec<u16> = (100..600)
            .filter(|status| Verdict::of(*status).is_final())
            .collect();

        assert_eq!(finals, (200..300).chain([410]).collect::<Vec<_>>());
    }
}
