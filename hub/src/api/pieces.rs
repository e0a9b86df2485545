//! An answer that a blocking thread writes while it is sent.
use axum::body::{Body, Bytes};
use futures_util::stream;
use std::io::{self, BufWriter, Write};
use tokio::sync::mpsc;

/// One piece on its way, and how many wait: a slow reader holds up the writer, not the hub.
const PIECE_BYTES: usize = 64 << 10;
const PIECES_MAX: usize = 4;

/// The body of an answer that `write` makes on a blocking thread. When it fails the connection
/// breaks off, so that nobody takes what he has for the whole.
pub fn written<E: std::fmt::Display>(
    what: &'static str,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E> + Send + 'static,
) -> Body {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    tokio::task::spawn_blocking(move || {
        let mut out = BufWriter::with_capacity(PIECE_BYTES, Pieces(sender.clone()));
        let written = write(&mut out).map_err(|e| e.to_string());
        if let Err(error) = written.and_then(|()| out.flush().map_err(|e| e.to_string())) {
            tracing::warn!(what, error, "an answer did not come to its end");
            drop(sender.blocking_send(Err(io::Error::other(error))));
        }
    });
    Body::from_stream(stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece: io::Result<Bytes>| (piece, receiver))
    }))
}

struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        self.0.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
