use std::any::Any;

use tracing::Span;

use crate::Error;

/// Runs `work`, which blocks or computes for long, on a thread of its own, inside the current span.
///
/// Dropping the future does not stop `work`: it runs to its end, unheard.
///
/// # Errors
///
/// [`Error::Panicked`] if `work` panics, [`Error::Stopping`] if the runtime stops before it starts.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let span = Span::current();
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that keeps the span"
    )]
    let task = tokio::task::spawn_blocking(move || span.in_scope(work));

    task.await.map_err(|err| match err.try_into_panic() {
        Ok(panic) => Error::Panicked(message(panic.as_ref())),
        Err(_) => Error::Stopping,
    })
}

/// What a panic said: `panic!` gives a `&str` or a `String`, anything else is somebody's own value.
fn message(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use tracing::{Instrument, Span};

    use super::blocking;
    use crate::Error;

    #[tokio::test]
    async fn work_runs_inside_the_callers_span() -> anyhow::Result<()> {
        // Global, because the work runs on another thread.
        tracing::subscriber::set_global_default(tracing_subscriber::registry())?;
        let span = tracing::info_span!("caller");
        let id = blocking(|| Span::current().id())
            .instrument(span.clone())
            .await?;
        assert!(id.is_some());
        assert_eq!(id, span.id());
        Ok(())
    }

    #[tokio::test]
    async fn a_panic_becomes_an_error_with_its_message() {
        let outcome = blocking(|| panic!("pixel {} is missing", 7)).await;
        match outcome {
            Err(Error::Panicked(message)) => assert_eq!(message, "pixel 7 is missing"),
            other => panic!("unexpected: {:?}", other.map(|()| "no error")),
        }
    }
}
