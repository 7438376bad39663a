//! Connections that a handler can cut, as a failing network would: no answer, a reset.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Cuts the connection that a request came by.
#[derive(Debug, Clone)]
pub(crate) struct Cut(CancellationToken);

impl Cut {
    /// Resets the connection, and never returns: there is nobody left to answer.
    pub(crate) async fn now<T>(self) -> T {
        self.0.cancel();
        std::future::pending().await
    }
}

/// A listener whose connections can be cut one by one, and all at once by its token.
pub(crate) struct CuttableListener {
    pub(crate) inner: TcpListener,
    pub(crate) stop: CancellationToken,
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = (SocketAddr, Cut);

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.inner).await;
        // Small answers must not wait for the peer's delayed acknowledgement.
        if let Err(err) = stream.set_nodelay(true) {
            tracing::debug!(
                error = &err as &dyn std::error::Error,
                "cannot set TCP_NODELAY"
            );
        }
        let cut = self.stop.child_token();
        let io = CuttableStream {
            stream,
            cut: Box::pin(cut.clone().cancelled_owned()),
            reset: false,
        };
        (io, (address, Cut(cut)))
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok((self.inner.local_addr()?, Cut(self.stop.clone())))
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Cut {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.remote_addr().1.clone()
    }
}

/// A TCP stream that fails from the moment it is cut.
pub(crate) struct CuttableStream {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    reset: bool,
}

impl CuttableStream {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if !self.reset && self.cut.as_mut().poll(cx).is_ready() {
            self.reset = true;
            // Closing with zero linger sends a reset instead of an orderly end.
            self.stream.set_zero_linger()?;
        }
        if self.reset {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
