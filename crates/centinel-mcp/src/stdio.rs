//! MCP over standard input and output. Nothing else may write to standard output meanwhile.

use rmcp::{
    ServiceExt as _,
    service::ServerInitializeError,
    transport::{async_rw::AsyncRwTransport, io::stdio_pipes},
};

use crate::server::Server;

/// Bytes of a line, that is of a message, at most.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// Why serving over standard input and output ended other than by its end.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The client did not open the conversation as MCP says.
    #[error("the client did not open an MCP conversation: {0}")]
    Opening(Box<ServerInitializeError>),
    /// The task that served has failed.
    #[error("serving ended early: {0}")]
    Serving(#[from] tokio::task::JoinError),
}

/// Serves until the client closes standard input.
///
/// # Errors
///
/// [`StdioError`]; a client that leaves before it says anything is no error.
pub async fn serve_stdio(server: Server) -> Result<(), StdioError> {
    let (input, output) = stdio_pipes();
    let transport =
        AsyncRwTransport::new_server(input, output).with_max_line_length(LINE_BYTES_MAX);
    match server.serve(transport).await {
        Ok(running) => {
            running.waiting().await?;
            Ok(())
        }
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(StdioError::Opening(Box::new(error))),
    }
}
