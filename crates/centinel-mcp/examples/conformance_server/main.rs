//! What the official conformance suite asks a server for, served by the product's HTTP stack:
//! `conformance_server 127.0.0.1:PORT`.
//!
//! The suite calls tools, prompts and resources by fixed names; none of them is the product's, so a
//! handler of its own answers them. Everything around it is the product's: routes, checks of headers
//! and origins, body limits, streams, status codes.
//!
//! - `/mcp` is served with the options of `centinel serve`.
//! - `/sessions/mcp` keeps sessions for clients of older revisions, for the scenarios in which the
//!   server asks the client something in the middle of a call: that needs a way back for the answer,
//!   which those revisions have in sessions only.

mod asking;
mod content;
#[expect(deprecated, reason = "older revisions have log levels, and the suite asks for them")]
mod handler;
mod input;
mod listed;

use std::{env, error::Error, io::Write as _};

use axum::{Router, serve::ListenerExt as _};
use centinel_mcp::{HttpOptions, http_service};
use handler::Fixtures;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: conformance_server ADDRESS")?;
    let listener = TcpListener::bind(address).await?;
    writeln!(std::io::stderr(), "http://{}/mcp", listener.local_addr()?)?;
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let fixtures = Fixtures::new();
    let as_shipped = HttpOptions::loopback(Vec::new());
    let with_sessions = as_shipped.clone().keeping_sessions();
    let router = Router::new()
        .nest("/mcp", http_service(fixtures.clone(), as_shipped))
        .nest("/sessions/mcp", http_service(fixtures, with_sessions));
    axum::serve(listener, router).await?;
    Ok(())
}
