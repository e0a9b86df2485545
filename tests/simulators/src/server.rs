//! An HTTP/1.1 server with a handle on every TCP connection.
//!
//! `axum::serve` keeps the connection to itself; two things here need it: a session bound to the connection
//! (MT5), and faults that close or reset it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::Extensions;
use axum::{Extension, Router};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::SimError;

/// How long a stopping server waits for the answers under way.
const STOP_WAIT_MS: u64 = 500;

/// One TCP connection. A handler gets it with `Extension(connection): Extension<Connection>`.
#[derive(Debug, Clone)]
pub struct Connection {
    id: u64,
    peer: SocketAddr,
    abort: CancellationToken,
    data: Arc<Mutex<Extensions>>,
}

impl Connection {
    /// Unique in this process, never used again.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The other end.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Reads or changes what is kept for this connection: gone when the connection is.
    pub fn with_data<R>(&self, f: impl FnOnce(&mut Extensions) -> R) -> R {
        f(&mut self.data.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Resets the connection (RST, no answer). The handler that calls it is dropped at its next await.
    pub fn abort(&self) {
        self.abort.cancel();
    }

    /// Resets the connection and never returns.
    pub async fn abort_and_never_return(&self) -> ! {
        self.abort();
        std::future::pending::<std::convert::Infallible>().await;
        unreachable!("pending never completes")
    }
}

/// A running server. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    /// Listens on `bind` and serves `router`.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(bind: SocketAddr, router: Router) -> Result<Self, SimError> {
        let refused = |source| SimError::Bind { address: bind, source };
        let listener = TcpListener::bind(bind).await.map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(accept(listener, router, stop.clone(), tasks.clone()));
        Ok(Self { addr, stop, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:<port>`, with no slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Stops accepting, lets answers under way finish (half a second at most), and frees the port.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    static NEXT_ID: AtomicU64 = AtomicU64::new(1);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, most likely: spinning would make it worse.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let connection = Connection {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            peer,
            abort: CancellationToken::new(),
            data: Arc::default(),
        };
        let router = router.clone().layer(Extension(connection.clone()));
        tasks.spawn(serve_one(stream, router, connection.abort, stop.clone()));
    }
}

async fn serve_one(
    stream: TcpStream,
    router: Router,
    abort: CancellationToken,
    stop: CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    let mut http = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::select! {
        // An error here is the client's hanging up, or a fault that ended the body early.
        _ = &mut http => return,
        () = abort.cancelled() => {
            // Lingering for no time makes the close a reset, as a failing load balancer does.
            let _ = http.into_parts().io.into_inner().set_zero_linger();
            return;
        }
        () = stop.cancelled() => {}
    }
    std::pin::Pin::new(&mut http).graceful_shutdown();
    let _ = tokio::time::timeout(Duration::from_millis(STOP_WAIT_MS), http).await;
}
