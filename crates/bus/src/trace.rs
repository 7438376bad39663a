use async_nats::{HeaderMap, HeaderName};
use opentelemetry::global;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TraceContextExt;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use wire::header::TRACEPARENT;

tokio::task_local! {
    /// The trace that the current piece of work belongs to, as it came in. It is handed on even
    /// where spans are not exported, so that a trace that was begun by somebody who exports holds
    /// together across services that do not.
    static PARENT: Option<String>;
}

/// Runs `work` as a part of the trace `parent`.
// Not async itself: that would keep room for `work` twice.
pub fn within<F: Future>(
    parent: Option<String>,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    PARENT.scope(parent, work)
}

/// The W3C `traceparent` of the current piece of work: of its span if that is exported, else the
/// one it came in with.
#[must_use]
pub fn current() -> Option<String> {
    of(&Span::current()).or_else(|| PARENT.try_with(Clone::clone).ok().flatten())
}

/// The `traceparent` of `span`, if it is exported.
#[must_use]
pub fn of(span: &Span) -> Option<String> {
    let context = span.context();
    if !context.span().span_context().is_valid() {
        return None;
    }
    let mut headers = Headers(HeaderMap::new());
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut headers));
    headers.get(TRACEPARENT).map(str::to_owned)
}

/// A new `traceparent` (W3C Trace Context §3.2) for work that came without one, where spans are not
/// exported.
///
/// It says that nothing was recorded. nats-server, which looks for traces that were, would take all
/// headers of each message apart, in a twentieth of its time.
#[must_use]
pub fn fresh() -> String {
    let trace = uuid::Uuid::new_v4().simple();
    let span = uuid::Uuid::new_v4().as_u64_pair().0;
    format!("00-{trace}-{span:016x}-00")
}

/// Makes `span` a child of the trace that `traceparent` names.
pub fn adopt(span: &Span, traceparent: &str) {
    let mut headers = Headers(HeaderMap::new());
    headers.0.insert(TRACEPARENT, traceparent);
    let context = global::get_text_map_propagator(|propagator| propagator.extract(&headers));
    // It fails where nothing is exported, and then there is nothing to be a child in.
    drop(span.set_parent(context));
}

/// Puts the current trace into `headers`.
pub(crate) fn inject(headers: &mut HeaderMap) {
    if let Some(traceparent) = current() {
        headers.insert(HeaderName::from_static(TRACEPARENT), traceparent);
    }
}

struct Headers(HeaderMap);

impl Injector for Headers {
    fn set(&mut self, key: &str, value: String) {
        // The propagator also writes an empty `tracestate`.
        if !value.is_empty() {
            self.0.insert(key, value.as_str());
        }
    }
}

impl Extractor for Headers {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(async_nats::HeaderValue::as_str)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}
