//! Without a collector no span keeps a trace: what came in is handed on by `bus::trace`. (A process
//! has one telemetry, hence one test a file.)

use std::collections::HashMap;

use opentelemetry::global;
use runtime::{Env, Telemetry};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const INCOMING: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn outgoing(span: &Span) -> HashMap<String, String> {
    let mut headers = HashMap::new();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&span.context(), &mut headers);
    });
    headers
}

#[tokio::test]
async fn spans_without_a_collector_keep_no_trace() -> anyhow::Result<()> {
    let env = Env::from_pairs([("DARKROOM_LOG", "warn")]);
    let telemetry = Telemetry::init("painter", &env)?;

    let headers = HashMap::from([("traceparent".to_owned(), INCOMING.to_owned())]);
    let context = global::get_text_map_propagator(|propagator| propagator.extract(&headers));
    let handle = tracing::info_span!("handle");
    assert!(handle.set_parent(context).is_err());
    let sent = handle.in_scope(|| outgoing(&Span::current()));
    assert!(!sent.contains_key("traceparent"));

    assert!(Telemetry::init("painter", &env).is_err());
    telemetry.shutdown().await;
    Ok(())
}
