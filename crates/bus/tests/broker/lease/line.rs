//! What lies between a client and its server, and goes wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{self, AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

/// A TCP connection that can be cut without either side being told.
pub(super) struct Line {
    pub(super) url: String,
    frozen: CancellationToken,
    accepting: AbortHandle,
}

impl Line {
    pub(super) async fn to(url: &str) -> anyhow::Result<Self> {
        let target = Arc::<str>::from(url.trim_start_matches("nats://"));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("nats://{}", listener.local_addr()?);
        let frozen = CancellationToken::new();
        let cut = frozen.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (target, cut) = (Arc::clone(&target), cut.clone());
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(&*target).await else {
                        return;
                    };
                    let carry = copy_bidirectional(&mut near, &mut far);
                    if cut.run_until_cancelled(carry).await.is_none() {
                        // Both ends stay open, and nothing passes.
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        Ok(Self {
            url,
            frozen,
            accepting: accepting.abort_handle(),
        })
    }

    pub(super) fn cut(&self) {
        self.frozen.cancel();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A line on which, once, no answer passes any more after something was published on `subject`, until
/// somebody hangs up.
pub(super) struct Deaf {
    pub(super) url: String,
    hung_up: CancellationToken,
    accepting: AbortHandle,
}

impl Deaf {
    pub(super) async fn to(url: &str, subject: &str) -> anyhow::Result<Self> {
        let target = Arc::<str>::from(url.trim_start_matches("nats://"));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("nats://{}", listener.local_addr()?);
        let hung_up = CancellationToken::new();
        let end = Arc::new(End {
            published: format!("HPUB {subject} "),
            deaf: AtomicBool::new(false),
            hung_up: hung_up.clone(),
        });
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&*target).await else {
                    continue;
                };
                tokio::spawn(carry(near, far, Arc::clone(&end)));
            }
        });
        Ok(Self {
            url,
            hung_up,
            accepting: accepting.abort_handle(),
        })
    }

    /// The client may come again, and hears what it asks for from then on.
    pub(super) fn hang_up(&self) {
        self.hung_up.cancel();
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

struct End {
    published: String,
    deaf: AtomicBool,
    hung_up: CancellationToken,
}

async fn carry(near: TcpStream, far: TcpStream, end: Arc<End>) -> io::Result<()> {
    let (mut from_near, mut to_near) = near.into_split();
    let (mut from_far, mut to_far) = far.into_split();
    let deaf = CancellationToken::new();
    let (deafened, hung_up) = (deaf.clone(), end.hung_up.clone());
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = deafened.cancelled() => hung_up.cancelled().await,
            _ = io::copy(&mut from_far, &mut to_near) => {}
        }
    });
    let (needle, mut said) = (end.published.as_bytes(), Vec::with_capacity(1 << 16));
    while from_near.read_buf(&mut said).await? > 0 {
        let found = said.windows(needle.len()).any(|window| window == needle);
        if found && !end.deaf.swap(true, Ordering::AcqRel) {
            deaf.cancel();
        }
        to_far.write_all(&said).await?;
        said.clear();
    }
    to_far.shutdown().await
}
