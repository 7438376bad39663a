//! The most that a call can cost, which is what a budget is asked for before the call is made.
//!
//! The provider's own word wins over the table of published prices, both ways: where it asks for
//! more, the table is out of date and a budget that believed it could be exceeded; where it asks for
//! less, the account has a price of its own, and reserving more would hold back work that there is
//! money for. A call with no price at all is not made.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use domain::{Code, Invalid, Usd};
use ideogram::{Call, Client, Error, Quote};
use tokio::time::{Instant, timeout};
use tracing::{error, info, warn};

use crate::sources::{Missing, Sources};

/// Shapes remembered at the most.
const SHAPES: usize = 1_024;
/// For an answer; a second more for each megabyte of files.
const ANSWER: Duration = Duration::from_secs(5);
const BYTES_PER_SECOND: u64 = 1_000_000;

/// What calls cost. Cheap to clone; clones share what they know.
#[derive(Debug, Clone)]
pub(crate) struct Prices {
    client: Client,
    shapes: Arc<RwLock<HashMap<String, Arc<Shape>>>>,
    memory: Memory,
}

/// How long answers hold.
#[derive(Debug, Clone, Copy)]
struct Memory {
    price: Duration,
    /// That there was none.
    silence: Duration,
}

/// Calls that cost the same.
#[derive(Debug, Default)]
struct Shape {
    /// Held by whoever asks for all.
    asking: tokio::sync::Mutex<()>,
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    /// None: the provider did not say.
    quote: Option<Usd>,
    until: Instant,
}

impl Prices {
    pub(crate) fn new(client: Client) -> Self {
        let memory = Memory {
            price: Duration::from_secs(3_600),
            silence: Duration::from_secs(30),
        };
        Self::with_memory(client, memory)
    }

    fn with_memory(client: Client, memory: Memory) -> Self {
        Self {
            client,
            shapes: Arc::default(),
            memory,
        }
    }

    /// The most that `call` can cost. Waits only where the provider has to be asked.
    ///
    /// # Errors
    ///
    /// [`Code::PriceUnknown`]; [`Code::SourceUnavailable`] if it has to be asked and its files are
    /// gone.
    pub(crate) async fn bound(&self, call: &Call, sources: &Sources) -> Result<Usd, Invalid> {
        let quote = self.quoted(call, sources).await?;
        quote.or(call.upper_bound).ok_or_else(|| Invalid {
            field: "model".to_owned(),
            code: Code::PriceUnknown,
            reason: format!(
                "no price is published for {} with these options, and the provider does not name \
                 one now; ask again later, or choose other options",
                call.route
            ),
        })
    }

    /// What the provider itself says of it, if it does. Waits only where it has to be asked.
    ///
    /// # Errors
    ///
    /// [`Code::SourceUnavailable`] if it has to be asked and the files are gone.
    pub(crate) async fn quoted(
        &self,
        call: &Call,
        sources: &Sources,
    ) -> Result<Option<Usd>, Invalid> {
        if !call.is_quotable() {
            return Ok(None);
        }
        let shape = call.pricing_shape();
        match self.known(&shape) {
            Some(known) => Ok(known.quote),
            None => self.ask(shape, call, sources).await,
        }
    }

    fn known(&self, shape: &str) -> Option<Known> {
        let shapes = self.shapes.read().unwrap_or_else(PoisonError::into_inner);
        shapes.get(shape)?.known()
    }

    /// Asks, or waits for who is asking already.
    async fn ask(
        &self,
        shape: String,
        call: &Call,
        sources: &Sources,
    ) -> Result<Option<Usd>, Invalid> {
        let shape = self.shape(shape);
        let _asking = shape.asking.lock().await;
        if let Some(known) = shape.known() {
            return Ok(known.quote);
        }
        let (quote, memory) = self.quote(call, sources).await?;
        *shape.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Known {
            quote,
            until: Instant::now() + memory,
        });
        Ok(quote)
    }

    /// What the provider says, and how long that holds.
    async fn quote(
        &self,
        call: &Call,
        sources: &Sources,
    ) -> Result<(Option<Usd>, Duration), Invalid> {
        let silence = Ok((None, self.memory.silence));
        let files = match sources.files(call).await {
            Ok(files) => files,
            Err(Missing::Gone { code, message }) => {
                return Err(Invalid {
                    field: "sourceImages".to_owned(),
                    code,
                    reason: message,
                });
            }
            Err(Missing::Later(err)) => {
                warn!(
                    error = &*err as &dyn std::error::Error,
                    "no files to ask with"
                );
                return silence;
            }
        };
        let Some(quote) = self.answer(call, &files).await else {
            return silence;
        };
        // A bound below the price is none, and neither is nothing for what is billed.
        let bound = quote.upper_bound.map(|bound| bound.max(quote.usd));
        let bound = bound.filter(|bound| *bound > Usd::ZERO);
        match (bound, call.upper_bound) {
            (None, _) => warn!(route = call.route, "the provider's quote is no bound"),
            (Some(bound), Some(table)) if bound != table => {
                info!(route = call.route, quote = %bound, published = %table,
                    "the provider asks for another price than published");
            }
            _ => {}
        }
        Ok((bound, self.memory.price))
    }

    /// What the provider answers, if it does in time. Not asked twice.
    async fn answer(&self, call: &Call, files: &[Bytes]) -> Option<Quote> {
        let bytes: u64 = files.iter().map(|file| file.len() as u64).sum();
        let limit = ANSWER + Duration::from_secs(bytes / BYTES_PER_SECOND);
        let route = call.route;
        match timeout(limit, self.client.quote(call, files)).await {
            Ok(Ok(quote)) => return Some(quote),
            Ok(Err(err @ Error::Ambiguous { .. })) => error!(
                route,
                error = &err as &dyn std::error::Error,
                "a question about a price may have been taken for an order"
            ),
            Ok(Err(err)) => warn!(route, error = &err as &dyn std::error::Error, "no quote"),
            Err(_) => warn!(route, "no quote within {limit:?}"),
        }
        None
    }

    fn shape(&self, name: String) -> Arc<Shape> {
        let mut shapes = self.shapes.write().unwrap_or_else(PoisonError::into_inner);
        if shapes.len() >= SHAPES && !shapes.contains_key(&name) {
            make_room(&mut shapes);
        }
        Arc::clone(shapes.entry(name).or_default())
    }
}

/// Forgets what is out of date, or else what will be next.
fn make_room(shapes: &mut HashMap<String, Arc<Shape>>) {
    shapes.retain(|_, shape| shape.known().is_some() || Arc::strong_count(shape) > 1);
    if shapes.len() < SHAPES {
        return;
    }
    let ends = shapes
        .iter()
        .filter_map(|(name, shape)| Some((shape.known()?.until, name)));
    if let Some((_, name)) = ends.min().map(|(until, name)| (until, name.clone())) {
        shapes.remove(&name);
    }
}

impl Shape {
    /// What is known, as long as it holds.
    fn known(&self) -> Option<Known> {
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.filter(|known| known.until > Instant::now())
    }
}
