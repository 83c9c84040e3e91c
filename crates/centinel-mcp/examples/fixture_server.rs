//! The server over fixed data, for checks with real clients: `fixture_server stdio`, or
//! `fixture_server http 127.0.0.1:PORT [TOKEN]`.

#[path = "../tests/it/fixture.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod fixture;

use std::{env, error::Error, io::Write as _};

use axum::{Router, serve::ListenerExt as _};
use centinel_mcp::{AccessToken, HttpOptions, http_service, serve_stdio};
use fixture::Fixture;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let server = Fixture::new().server(false);
    let (address, tokens) = match arguments.as_slice() {
        ["stdio"] => return Ok(serve_stdio(server).await?),
        ["http", address] => (address, Vec::new()),
        ["http", address, secret] => (address, vec![AccessToken::new(secret, "agent:example")]),
        _ => return Err("usage: fixture_server stdio | http ADDRESS [TOKEN]".into()),
    };
    let listener = TcpListener::bind(address).await?;
    writeln!(std::io::stderr(), "http://{}/mcp", listener.local_addr()?)?;
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let service = http_service(server, HttpOptions::loopback(tokens));
    axum::serve(listener, Router::new().nest("/mcp", service)).await?;
    Ok(())
}
