//! Connections: taken, limited in time, and let go when the process is asked to stop. Each request knows
//! whose process is at the other end.

use std::{future::Future, io, pin::pin, time::Duration};

use axum::{Extension, Router, extract::ConnectInfo};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tower::Layer as _;

use crate::mcp_gate::Peer;

/// Longest time for the headers of a request, and for waiting between two requests: a client that
/// sends them byte by byte, or nothing at all, holds its connection for no longer.
const HEADERS_TIME_MAX: Duration = Duration::from_secs(30);

/// Longest time for what is being answered when the process is asked to stop.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(10);

/// How long no connection is taken after one could not be: files run out, and come back.
const BREATH: Duration = Duration::from_millis(500);

/// Serves until `stop`, then ends what is under way.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let (stopping, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            taken = listener.accept() => match taken {
                Ok((stream, theirs)) => {
                    let peer = Peer::of(&stream, theirs);
                    connections.spawn(connection(stream, peer, router.clone(), stopped.clone()));
                }
                Err(error) if is_of_client(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "no connection can be taken");
                    tokio::time::sleep(BREATH).await;
                }
            },
            // What has ended is let go at once, not when the process ends.
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    drop(stopping);
    let ended = async { while connections.join_next().await.is_some() {} };
    // What takes longer is cut off.
    let _ = timeout(FAREWELL_TIME_MAX, ended).await;
}

/// Answers one client until it leaves, is silent for too long, or the process stops.
async fn connection(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    mut stopped: watch::Receiver<()>,
) {
    // Small answers must not wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_TIME_MAX);
    let service = TowerToHyperService::new(Extension(ConnectInfo(peer)).layer(router));
    let served = builder.serve_connection(TokioIo::new(stream), service);
    let mut served = pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        // The other end is dropped when the process is asked to stop.
        _ = stopped.changed() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Whether a connection failed by its client, before it was taken.
fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
