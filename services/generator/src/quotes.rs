//! What a request would cost, for whoever asks before it is made. Every replica that admits answers,
//! from the same prices that it reserves by.

use bus::{Answer, Bus, Refusal};
use domain::{Draft, Failure, Invalid, Usd};
use tokio_util::sync::CancellationToken;
use wire::{Encoding, ask, v1};

use crate::admit::Admit;

/// What `admission.quote` is made of.
const SERVICE: &str = "admission";
const QUOTE: &str = "quote";

const PROVIDER: &str = "provider";
const LIST: &str = "price-list";

/// Answers until `shutdown`.
pub(crate) async fn answer(
    bus: &Bus,
    admit: Admit,
    shutdown: CancellationToken,
) -> Result<(), bus::Error> {
    let admit = &admit;
    let answering = bus.answer(SERVICE, &[QUOTE], shutdown, |_, body| async move {
        quote(admit, &body).await
    });
    answering.await
}

async fn quote(admit: &Admit, body: &[u8]) -> Answer {
    let media = Encoding::Protobuf.content_type();
    let draft = wire::parse_request(Some(media), body);
    let draft = draft.map_err(|err| Refusal::bad(err.to_string()))?;
    let (price, refusal) = match admit.price(&draft).await {
        Ok(price) => (price, None),
        Err(invalid) => (None, Some((&Failure::at_admission(&invalid)).into())),
    };
    Ok(ask::write(&v1::Quote {
        usd_micros: price.map(|(most, _)| most.micros()),
        quoted_by: price.map(|(_, by)| by.to_owned()),
        simulated: admit.config.simulated,
        refusal,
    }))
}

impl Admit {
    /// The most that it can cost and who says so, if anybody can before it is accepted.
    async fn price(&self, draft: &Draft) -> Result<Option<(Usd, &'static str)>, Invalid> {
        let request = self.request(draft, None)?;
        let call = ideogram::plan(&request, self.config.api)?;
        // Pictures are copied when a request is accepted; there are none to ask with before.
        if !call.files().is_empty() {
            return Ok(call.upper_bound.map(|price| (price, LIST)));
        }
        Ok(Some(
            match self.prices.quoted(&call, &self.sources).await? {
                Some(price) => (price, PROVIDER),
                None => (self.prices.bound(&call, &self.sources).await?, LIST),
            },
        ))
    }
}
