//! Serves a home on loopback, to look at the pages: `serve HOME PORT [FILE…]`, importing the files
//! first. The product's own server is `centinel serve`.
#![expect(clippy::disallowed_methods, reason = "an example has a clock of its own")]
#![expect(clippy::print_stdout, reason = "an example says where it listens")]

use std::{error::Error, path::Path, sync::Arc};

use centinel_app::{App, ImportRequest, create_home};
use centinel_web::{WebState, router};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let home = arguments.next().ok_or("which home?")?;
    let port: u16 = arguments.next().ok_or("which port?")?.parse()?;
    create_home(Path::new(&home))?;
    let app = App::open(Path::new(&home), None).await?;
    for file in arguments {
        let now = jiff::Timestamp::now();
        let request = ImportRequest::default();
        let imported =
            app.import_file(Path::new(&file), request, Arc::default(), now, nonce()?).await?;
        println!("{file}: {} rows", imported.report.batch.rows_accepted);
    }
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://localhost:{port}");
    axum::serve(listener, router(WebState::new(app, jiff::Timestamp::now, nonce))).await?;
    Ok(())
}

/// Different enough for one process at a time.
fn nonce() -> Result<u64, Box<dyn Error + Send + Sync>> {
    Ok(u64::try_from(jiff::Timestamp::now().as_microsecond())?)
}
