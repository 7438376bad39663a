//! Receivers on loopback, well-behaved and not.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

/// What is sent back for a request.
pub(crate) enum Reply {
    /// These bytes, then the end of the connection.
    Bytes(String),
    /// These bytes, then a body that never ends, slowly.
    Drip(String),
    /// These bytes, then a body that never ends, as fast as it is taken.
    Flood(String),
    /// Nothing, while the connection stays open.
    Silence,
}

/// Answers every connection once. Gone when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: mpsc::UnboundedReceiver<String>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start(
        answer: impl Fn(&str) -> Reply + Send + 'static,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (sender, requests) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let Ok(request) = read_request(&mut stream).await else {
                    continue;
                };
                let reply = answer(request.split(' ').nth(1).unwrap_or_default());
                sender.send(request).ok();
                connections.spawn(write_reply(stream, reply));
            }
        });

        Ok(Self {
            address,
            requests,
            _tasks: tasks,
        })
    }

    /// Answers everything with the same head and body.
    pub(crate) async fn always(reply: &'static str) -> anyhow::Result<Self> {
        Self::start(|_| Reply::Bytes(reply.to_owned())).await
    }

    /// The next request that came, head and body.
    pub(crate) async fn request(&mut self) -> anyhow::Result<String> {
        self.requests.recv().await.context("the server is gone")
    }
}

async fn read_request(stream: &mut TcpStream) -> anyhow::Result<String> {
    let mut request = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let n_read = stream.read(&mut piece).await?;
        request.extend_from_slice(piece.get(..n_read).context("impossible length")?);
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(Ok(0), str::parse)?;
            if body.len() >= length {
                return Ok(text.into_owned());
            }
        }
        anyhow::ensure!(n_read > 0, "the request broke off");
    }
}

async fn write_reply(mut stream: TcpStream, reply: Reply) {
    let (head, body, pace) = match &reply {
        Reply::Bytes(bytes) => (bytes.as_str(), None, 0),
        Reply::Drip(head) => (head.as_str(), Some("1\r\n.\r\n".to_owned()), 20),
        Reply::Flood(head) => {
            let chunk = format!("8000\r\n{}\r\n", ".".repeat(0x8000));
            (head.as_str(), Some(chunk), 0)
        }
        Reply::Silence => ("", Some(String::new()), 1000),
    };
    let mut written = stream.write_all(head.as_bytes()).await;
    while let (Ok(()), Some(chunk)) = (&written, &body) {
        tokio::time::sleep(std::time::Duration::from_millis(pace)).await;
        written = stream.write_all(chunk.as_bytes()).await;
    }
}

/// A listener nobody may connect to.
pub(crate) struct Canary(std::net::TcpListener);

impl Canary {
    pub(crate) fn at(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    pub(crate) fn start() -> anyhow::Result<Self> {
        Self::at((Ipv4Addr::LOCALHOST, 0).into())
    }

    pub(crate) fn port(&self) -> anyhow::Result<u16> {
        Ok(self.0.local_addr()?.port())
    }

    /// Whether no connection waits to be accepted; one that was made would.
    pub(crate) fn is_untouched(&self) -> bool {
        matches!(self.0.accept(), Err(err) if err.kind() == ErrorKind::WouldBlock)
    }
}
