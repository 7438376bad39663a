use std::{io::IsTerminal as _, panic, time::Duration};

use anyhow::Context as _;
use opentelemetry::{global, trace::TracerProvider as _};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider},
};
use tracing::{Level, Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::FilterFn, fmt, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::{Env, EnvError, blocking, install_tls};

/// Logs to stderr, spans to a collector if there is one, trace context passed on in any case.
///
/// * `DARKROOM_LOG`: what to log, as [`EnvFilter`] directives (`info`, `info,bus=debug`).
/// * `DARKROOM_LOG_FORMAT`: `text` or `json`; unset, `text` on a terminal and `json` elsewhere.
/// * `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT`: the collector (OTLP over
///   HTTP, protobuf), unless `OTEL_SDK_DISABLED=true`. The SDK itself reads the other `OTEL_…`
///   variables of the [specification] (headers, time limits, sampler, resource).
///
/// Without a collector spans cost next to nothing: no ids are made, and a `traceparent` that comes
/// in with a message goes out unchanged with the messages that follow from it.
///
/// [specification]: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
#[derive(Debug)]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Sets up logging and tracing for the whole process; once.
    ///
    /// # Errors
    ///
    /// A variable above that cannot be understood, or a second call.
    pub fn init(service: &'static str, env: &Env) -> anyhow::Result<Self> {
        global::set_text_map_propagator(TraceContextPropagator::new());
        let provider = exporting(service, env)?;
        // Without a collector there is nothing to keep books of: traces are handed on without.
        let spans = provider
            .as_ref()
            .map(|provider| spans(provider.tracer("darkroom")));
        tracing_subscriber::registry()
            .with(spans)
            .with(log(env)?)
            .try_init()
            .context("telemetry is already set up")?;
        panic::set_hook(Box::new(|panic| {
            let location = panic.location().map(tracing::field::display);
            let message = panic.payload_as_str().unwrap_or("no message");
            tracing::error!(location, message, "panicked");
        }));
        Ok(Self { provider })
    }

    /// Sends what spans are still held, for at most 5 seconds.
    pub async fn shutdown(self) {
        const LIMIT: Duration = Duration::from_secs(5);

        let Some(provider) = self.provider else {
            return;
        };
        let flushed = blocking(move || provider.shutdown_with_timeout(LIMIT));
        match tokio::time::timeout(LIMIT, flushed).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(err))) => tracing::warn!(error = %err, "the last spans are lost"),
            Ok(Err(err)) => tracing::warn!(error = %err, "the last spans are lost"),
            Err(_) => tracing::warn!("the last spans are lost: the collector does not answer"),
        }
    }
}

/// Ours from `info` on; of libraries, what somebody should look at.
const DEFAULT_LOG: &str = "info,async_nats=warn,object_store=warn,hyper_util=warn";

/// What is written to stderr.
fn log(env: &Env) -> Result<Box<dyn Layer<WithSpans> + Send + Sync>, EnvError> {
    let directives = env.or("DARKROOM_LOG", DEFAULT_LOG.to_owned())?;
    let filter = EnvFilter::try_new(&directives).map_err(|err| {
        let why = format!("{err}; expected such as `info` or `info,bus=debug`");
        EnvError::refused("DARKROOM_LOG", &directives, &why)
    })?;
    let terminal = std::io::stderr().is_terminal();
    let format = env.optional::<String>("DARKROOM_LOG_FORMAT")?;
    let layer = fmt::layer().with_writer(std::io::stderr);
    match format.as_deref() {
        Some("text") => Ok(layer
            .compact()
            .with_ansi(terminal)
            .with_filter(filter)
            .boxed()),
        None if terminal => Ok(layer.compact().with_filter(filter).boxed()),
        Some("json") | None => {
            let json = layer.json().flatten_event(true).with_span_list(false);
            Ok(json.with_filter(filter).boxed())
        }
        Some(other) => Err(EnvError::refused(
            "DARKROOM_LOG_FORMAT",
            other,
            "expected text or json",
        )),
    }
}

type Spans = Box<dyn Layer<Registry> + Send + Sync>;
type WithSpans = tracing_subscriber::layer::Layered<Option<Spans>, Registry>;

/// Carries OpenTelemetry's context along our spans. Events stay in the log, and spans finer than
/// INFO (those of libraries, mostly) are skipped, so that a span costs microseconds.
fn spans(tracer: SdkTracer) -> Spans {
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_context_activation(false)
        .with_tracked_inactivity(false)
        .with_location(false)
        .with_threads(false)
        .with_filter(FilterFn::new(coarse_span).with_max_level_hint(LevelFilter::INFO))
        .boxed()
}

fn coarse_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && *metadata.level() <= Level::INFO
}

/// The provider that sends spans to the collector, if one is named.
fn exporting(service: &'static str, env: &Env) -> anyhow::Result<Option<SdkTracerProvider>> {
    let disabled = env.raw("OTEL_SDK_DISABLED");
    if disabled.is_some_and(|answer| answer.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let Some((name, endpoint)) = endpoint(env) else {
        return Ok(None);
    };
    install_tls();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .build()
        .context(name)?;
    let mut resource = Resource::builder();
    if env.raw("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name(service);
    }
    // The batch processor exports from a thread of its own, with a blocking client: an async client
    // would look for a tokio runtime there and find none.
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.build())
        .build();
    Ok(Some(provider))
}

/// Where spans go: the traces endpoint as it stands, or the general one and the signal's path
/// (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp>).
fn endpoint(env: &Env) -> Option<(&'static str, String)> {
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    const GENERAL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

    if let Some(url) = env.raw(TRACES) {
        return Some((TRACES, url));
    }
    let url = env.raw(GENERAL)?;
    Some((GENERAL, format!("{}/v1/traces", url.trim_end_matches('/'))))
}
