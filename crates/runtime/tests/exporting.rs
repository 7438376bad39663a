//! With a collector, spans arrive there, the last ones included. (A process has one telemetry,
//! hence one test a file.)

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;
use axum::{Router, extract::State, routing::post};
use opentelemetry::global;
use runtime::{Env, Telemetry};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

type Bodies = mpsc::Sender<axum::body::Bytes>;

#[tokio::test]
async fn spans_reach_the_collector_before_the_process_ends() -> anyhow::Result<()> {
    let (bodies, mut received) = mpsc::channel(8);
    let receive = async |State(bodies): State<Bodies>, body| {
        // The test may be over; then nobody listens, and nobody minds.
        bodies.send(body).await.ok();
    };
    let collector = Router::new()
        .route("/v1/traces", post(receive))
        .with_state(bodies);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}/", listener.local_addr()?);
    let server = tokio::spawn(async move { axum::serve(listener, collector).await });

    let env = Env::from_pairs([("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]);
    let telemetry = Telemetry::init("painter", &env)?;
    let span = tracing::info_span!("mix colours");
    let mut headers = HashMap::new();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&span.context(), &mut headers);
    });
    assert!(headers.contains_key("traceparent"), "{headers:?}");
    drop(span);
    telemetry.shutdown().await;

    let body = timeout(Duration::from_secs(10), received.recv()).await?;
    let body = body.context("no export")?;
    for text in ["mix colours", "painter"] {
        assert!(
            body.windows(text.len())
                .any(|window| window == text.as_bytes()),
            "{text}"
        );
    }
    server.abort();
    Ok(())
}
