use domain::{GenerationId, ImageId, Lane};

/// Where users publish requests.
pub const REQUESTED: &str = "generation.requested";

/// Where the gateway publishes a request that already has a name.
#[must_use]
pub fn requested(lane: Lane, id: GenerationId) -> String {
    format!("{REQUESTED}.{lane}.{id}")
}

/// The id and lane in a subject of [`requested`]; none in the plain one.
#[must_use]
pub fn parse_requested(subject: &str) -> (Option<Lane>, Option<GenerationId>) {
    let mut tokens = subject
        .strip_prefix(REQUESTED)
        .unwrap_or("")
        .split('.')
        .skip(1);
    let lane = tokens.next().and_then(|token| token.parse().ok());
    (lane, tokens.next().and_then(|token| token.parse().ok()))
}

/// All events of one generation up to its end, and `ready`: its entries of the ledger.
#[must_use]
pub fn ledger(id: GenerationId) -> String {
    format!("generation.*.{id}")
}

/// Everything that removes one picture.
#[must_use]
pub fn asset(id: ImageId) -> String {
    format!("asset.*.{id}")
}

/// Everything that is told of one picture: what it became, and what removes it.
#[must_use]
pub fn picture(id: ImageId) -> String {
    format!("*.*.{id}")
}

/// What a work item of `stage` about `key` is due on.
#[must_use]
pub fn due(stage: &str, key: &str) -> String {
    format!("due.{stage}.{key}")
}

/// What the timer of a work item waits on: one at a time for each item.
#[must_use]
pub fn timer(stage: &str, key: &str) -> String {
    format!("timer.{stage}.{key}")
}

/// Where the messages go that nobody could handle.
#[must_use]
pub fn dead(stage: &str, key: &str) -> String {
    format!("dead.{stage}.{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lane_and_id_are_read_from_the_gateways_subject_only() {
        let id = GenerationId::generate();
        let full = requested(Lane::Interactive, id);

        assert_eq!(parse_requested(&full), (Some(Lane::Interactive), Some(id)));
        assert_eq!(parse_requested("generation.requested"), (None, None));
        assert_eq!(
            parse_requested("generation.requested.background"),
            (Some(Lane::Background), None)
        );
        assert_eq!(parse_requested("generation.requested.x.y"), (None, None));
    }
}
