//! What just happened, for those who look at this moment: the copies on the plain subjects.

use domain::Event;
use futures::{Stream, StreamExt, stream};
use tracing::debug;
use wire::{Encoding, header};

use crate::{Bus, Error, Source};

impl Bus {
    /// The events of these names (such as `generation.ready`) from now on, as their copies on the
    /// plain subjects tell them: at most once, and what is not taken in time is dropped. Whoever
    /// must not miss one reads the ledger besides.
    ///
    /// `wanted` is asked by the last token of an event's subject before anything is decoded, so
    /// listening costs next to nothing while nobody waits.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if the server cannot be told what we want to hear.
    pub async fn news(
        &self,
        names: &[&'static str],
        wanted: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<impl Stream<Item = Event> + Send + Unpin + 'static, Error> {
        let mut copies = Vec::with_capacity(names.len());
        for &name in names {
            let failed = |source: Source| Error::Read {
                what: name.to_owned(),
                source,
            };
            let subscribed = self.client.subscribe(name).await;
            copies.push(subscribed.map_err(|err| failed(err.into()))?);
        }
        // Until the server has seen the subscriptions, what is published is not heard.
        let flushed = self.client.flush().await;
        flushed.map_err(|err| Error::Read {
            what: names.join(", "),
            source: err.into(),
        })?;

        let news = stream::select_all(copies).filter_map(move |message| {
            let event = is_about(&message, &wanted)
                .then(|| event(&message))
                .flatten();
            std::future::ready(event)
        });
        Ok(news)
    }
}

fn is_about(message: &async_nats::Message, wanted: impl Fn(&str) -> bool) -> bool {
    header(message, header::SUBJECT).is_some_and(wanted)
}

fn event(message: &async_nats::Message) -> Option<Event> {
    let name = header(message, header::TYPE)?;
    let encoding = Encoding::of_content_type(header(message, header::CONTENT_TYPE))?;
    match wire::decode(name, encoding, &message.payload) {
        Ok(event) => Some(event),
        Err(err) => {
            let subject = message.subject.as_str();
            debug!(
                error = &err as &dyn std::error::Error,
                subject, "copy is no event of ours"
            );
            None
        }
    }
}

fn header<'a>(message: &'a async_nats::Message, name: &str) -> Option<&'a str> {
    message
        .headers
        .as_ref()?
        .get(name)
        .map(async_nats::HeaderValue::as_str)
}
