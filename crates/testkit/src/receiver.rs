use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, mpsc},
    task::AbortHandle,
    time::{Instant, timeout},
};
use url::Url;

/// One HTTP request that arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it came.
    pub body: Bytes,
    /// When the whole request had arrived.
    pub at: Instant,
}

impl Received {
    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// If it is not JSON.
    pub fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_slice(&self.body).context("the body is not JSON")
    }

    /// The value of a header, if it is there once at least and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A customer's server: takes any request on any path, answers as scripted, else 200, and keeps
/// what it got for the test to look at.
#[derive(Debug)]
pub struct Receiver {
    url: Url,
    replies: Arc<Mutex<VecDeque<Response>>>,
    received: AsyncMutex<mpsc::Receiver<Received>>,
    server: AbortHandle,
}

#[derive(Clone)]
struct Desk {
    replies: Arc<Mutex<VecDeque<Response>>>,
    received: mpsc::Sender<Received>,
}

impl Receiver {
    /// Opens a port on loopback.
    ///
    /// # Errors
    ///
    /// If the system has none to give.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/webhook", listener.local_addr()?).parse()?;
        let replies = Arc::default();
        let (sender, received) = mpsc::channel(4096);
        let desk = Desk {
            replies: Arc::clone(&replies),
            received: sender,
        };
        let router = Router::new().fallback(take).with_state(desk);
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            url,
            replies,
            received: AsyncMutex::new(received),
            server: server.abort_handle(),
        })
    }

    /// Where it listens, `http://127.0.0.1:…/webhook`; every other path will do as well.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Answers the requests to come with these, in this order, before it goes back to 200: status
    /// codes, or whatever else is a response (`(StatusCode, [(RETRY_AFTER, "1")])`).
    pub fn script<R: IntoResponse>(&self, replies: impl IntoIterator<Item = R>) {
        let mut queue = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        queue.extend(replies.into_iter().map(IntoResponse::into_response));
    }

    /// The oldest request not looked at yet, waiting for one at most `limit`.
    ///
    /// # Errors
    ///
    /// If none comes.
    pub async fn next(&self, limit: Duration) -> anyhow::Result<Received> {
        let next = async { self.received.lock().await.recv().await };
        timeout(limit, next)
            .await
            .with_context(|| format!("no request within {limit:?}"))?
            .context("the receiver has stopped")
    }

    /// The oldest request not looked at yet, if there is one by now.
    pub async fn try_next(&self) -> Option<Received> {
        self.received.lock().await.try_recv().ok()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(
    State(desk): State<Desk>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let received = Received {
        method,
        uri,
        headers,
        body,
        at: Instant::now(),
    };
    // An error means that the test is over, and with it this server.
    desk.received.send(received).await.ok();
    let mut replies = desk.replies.lock().unwrap_or_else(PoisonError::into_inner);
    replies
        .pop_front()
        .unwrap_or_else(|| StatusCode::OK.into_response())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::{StatusCode, header::RETRY_AFTER};

    use super::Receiver;

    #[tokio::test]
    async fn it_answers_as_scripted_and_keeps_what_it_got() -> anyhow::Result<()> {
        runtime::install_tls();
        let customer = reqwest::Client::builder().no_proxy().build()?;
        let receiver = Receiver::start().await?;
        receiver.script([(StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")])]);

        let post = |body: &'static str| {
            let request = customer
                .post(receiver.url().clone())
                .header("webhook-id", "gen_1");
            request.body(body).send()
        };
        let refused = post("{\"a\":1}").await?;
        assert_eq!(refused.status(), 503);
        assert_eq!(refused.headers()[RETRY_AFTER], "1");
        assert_eq!(post("two").await?.status(), 200);

        let first = receiver.next(Duration::from_secs(5)).await?;
        assert_eq!(first.header("webhook-id"), Some("gen_1"));
        assert_eq!(first.json()?["a"], 1);
        let second = receiver.next(Duration::from_secs(5)).await?;
        assert_eq!(second.body, "two");
        assert_eq!(second.uri.path(), "/webhook");
        assert!(receiver.try_next().await.is_none());
        Ok(())
    }
}
