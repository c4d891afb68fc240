//! The socket of a caller, which can be made to drop what the kernel still holds.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

/// Set once a connection is cut: its socket is then closed with a reset, so that bytes which wait in the
/// kernel's send buffer never reach the caller.
#[derive(Debug, Clone, Default)]
pub struct Sever(Arc<AtomicBool>);

impl Sever {
    /// From now on closing means resetting. The answer is whether it did already.
    pub fn set(&self) -> bool {
        self.0.swap(true, Ordering::AcqRel)
    }
}

/// A caller's TCP stream, with its place among the connections that may be open: it is given back when the
/// socket is closed, upgraded or not.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    sever: Sever,
    _place: OwnedSemaphorePermit,
}

impl Wire {
    /// Takes an accepted stream; `sever` decides how it is closed.
    pub fn new(stream: TcpStream, sever: Sever, place: OwnedSemaphorePermit) -> Wire {
        Wire { stream, sever, _place: place }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.sever.0.load(Ordering::Acquire)
            && let Err(error) = self.stream.set_zero_linger()
        {
            tracing::debug!(%error, "a cut connection could not be reset; it is closed instead");
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
