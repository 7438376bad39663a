//! Questions and answers (NATS micro services, ADR-32). Asked of the one owner of a state.

use async_nats::service::ServiceExt;
use async_nats::service::error::Error as ServiceError;
use bytes::Bytes;
use futures::StreamExt;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span, warn};
use wire::header;

use crate::{Bus, Error, Source, trace};

/// Questions answered at once by each endpoint.
const CONCURRENCY: usize = 32;

/// What is answered.
pub type Answer = Result<Vec<u8>, Refusal>;

/// A question that is not answered.
#[derive(Debug)]
pub struct Refusal {
    /// As HTTP has them.
    pub status: u16,
    /// For the asker.
    pub reason: String,
}

impl Refusal {
    /// The question makes no sense.
    pub fn bad(reason: impl Into<String>) -> Self {
        Self {
            status: 400,
            reason: reason.into(),
        }
    }

    /// We are at fault.
    pub fn broken(reason: impl Into<String>) -> Self {
        Self {
            status: 500,
            reason: reason.into(),
        }
    }
}

impl Bus {
    /// Answers questions on `<service>.<endpoint>` until `shutdown`; replicas share them.
    ///
    /// # Errors
    ///
    /// [`Error::Unanswered`] if the service cannot be announced.
    pub async fn answer<F: Future<Output = Answer> + Send>(
        &self,
        service: &str,
        endpoints: &[&'static str],
        shutdown: CancellationToken,
        answer: impl Fn(&'static str, Bytes) -> F + Send + Sync,
    ) -> Result<(), Error> {
        let failed = |source: Source| Error::Unanswered {
            subject: service.to_owned(),
            source,
        };
        let announced = self
            .client
            .service_builder()
            .description("Darkroom")
            .start(service, env!("CARGO_PKG_VERSION"))
            .await
            .map_err(failed)?;
        let group = announced.group(service);
        let mut streams = Vec::new();
        for &name in endpoints {
            let endpoint = group.endpoint(name).await.map_err(failed)?;
            streams.push(endpoint.map(move |request| (name, request)).boxed());
        }
        futures::stream::select_all(streams)
            .take_until(shutdown.cancelled())
            .for_each_concurrent(CONCURRENCY, |(name, request)| {
                let parent = request
                    .message
                    .headers
                    .as_ref()
                    .and_then(|headers| headers.get(header::TRACEPARENT))
                    .map(ToString::to_string);
                let body = request.message.payload.clone();
                let span = info_span!("answer", endpoint = name);
                let work = trace::within(parent, answer(name, body)).instrument(span);
                async move {
                    let result = work.await.map(Bytes::from).map_err(|refusal| ServiceError {
                        status: refusal.reason,
                        code: refusal.status.into(),
                    });
                    if let Err(err) = request.respond(result).await {
                        warn!(error = %err, endpoint = name, "answer not sent");
                    }
                }
            })
            .await;
        if let Err(err) = announced.stop().await {
            warn!(error = %err, service, "service not withdrawn");
        }
        Ok(())
    }

    /// Asks `subject` and returns the answer.
    ///
    /// # Errors
    ///
    /// [`Error::Unanswered`] if nobody answers in five seconds, [`Error::Refused`] if the answer is
    /// no.
    pub async fn ask(&self, subject: &str, question: impl Into<Bytes>) -> Result<Bytes, Error> {
        let mut headers = async_nats::HeaderMap::new();
        trace::inject(&mut headers);
        let answer = self
            .client
            .request_with_headers(subject.to_owned(), headers, question.into())
            .await
            .map_err(|err| Error::Unanswered {
                subject: subject.to_owned(),
                source: err.into(),
            })?;
        // ADR-32 has the names of the two headers.
        let header = |name: &str| answer.headers.as_ref()?.get(name).map(ToString::to_string);
        match header("Nats-Service-Error") {
            Some(reason) => Err(Error::Refused {
                subject: subject.to_owned(),
                status: header("Nats-Service-Error-Code")
                    .and_then(|code| code.parse().ok())
                    .unwrap_or(500),
                reason,
            }),
            None => Ok(answer.payload),
        }
    }
}
