//! `centinel serve`: page, JSON API, OTLP and call routes, MCP, on the loopback interface.

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use anyhow::Context as _;
use centinel_app::{App, ForgeHooks, Slack, Told, in_one_line, oidc::Providers};
use centinel_mcp::{HttpOptions, Principal, Verifier, http_service};
use centinel_web::{NonceError, Refusals, WebState};
use jiff::Timestamp;
use tokio::net::TcpListener;

use crate::{
    context::{Context, block_on, explain, nonce, now, outside, repositories},
    failure::hinted,
    listen, logging,
    output::{Outcome, Output},
    ports::{self, PortOptions},
    text::printable,
};

/// How often approved proposals are looked for.
const EXECUTE_EVERY: std::time::Duration = std::time::Duration::from_mins(1);

/// Serves page, API and MCP on this machine only.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Port on the loopback interface.
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// MCP clients may read but not propose.
    #[arg(long)]
    read_only: bool,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.ensure_home(output)?;
    serve(context, args.port, args.read_only, output)
}

/// Serves until the process is asked to stop.
pub(crate) fn serve(
    context: &Context,
    port: u16,
    read_only: bool,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    logging::start();
    block_on(async {
        let app = context.open().await?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address).await.map_err(|error| {
            let hint =
                format!("is another `centinel serve` running? `--port {}`", port.wrapping_add(1));
            hinted(format!("cannot listen on {address}: {error}"), hint)
        })?;
        let port = listener.local_addr().context("reading the port")?.port();
        let page = format!("http://localhost:{port}");
        let providers = app.identity_providers(outside()?.variable).map_err(explain)?;
        let refusals = Refusals::default();
        let mut router = router(&app, &page, read_only, now, providers, &refusals);
        let hooks = app.forge_hooks(&outside()?).map_err(explain)?;
        if let Some(hooks) = &hooks {
            let taken = centinel_web::hooks::forges::router(hooks.clone(), refusals.clone());
            router = router.merge(taken);
        }
        let slack = app.slack(&outside()?).map_err(explain)?;
        if let Some(slack) = &slack {
            let taken = centinel_web::hooks::slack::router(slack.clone(), now, refusals);
            router = router.merge(taken);
        }
        output.line(format_args!("page {page}  ·  MCP {page}/mcp  ·  stop with Ctrl-C"))?;
        output.flush()?;
        tokio::select! {
            () = listen::serve(listener, router, asked_to_stop()) => {}
            () = sync_live_sources(&app, output) => {}
            () = execute_approved(&app, hooks.as_ref(), output) => {}
            () = keep_told(&app, slack.as_ref(), output) => {}
        }
        app.database().close().await;
        Ok(Outcome::Done)
    })
}

/// Every route, `/mcp` among them.
pub(crate) fn router(
    app: &App,
    page: &str,
    read_only: bool,
    clock: fn() -> Timestamp,
    providers: Providers,
    refusals: &Refusals,
) -> axum::Router {
    let address = app.config().access.address.as_ref();
    let page = address.map_or_else(|| page.to_owned(), ToString::to_string);
    let options = PortOptions { read_only, review_base: Some(page), token: None };
    let verifier = Arc::new(Tokens { app: app.clone(), clock });
    let http = HttpOptions::loopback(Vec::new()).verified_by(verifier, app.config().access.sign_in);
    let mcp = http_service(ports::server(app.clone(), options, clock), http);
    let state = WebState::new(app.clone(), clock, random).signing_in_with(providers);
    let state = state.counting_in(refusals.clone());
    centinel_web::router(state).nest("/mcp", mcp)
}

/// The service tokens of the home.
#[derive(Debug)]
struct Tokens {
    app: App,
    clock: fn() -> Timestamp,
}

impl Verifier for Tokens {
    fn verify<'a>(
        &'a self,
        secret: &'a str,
    ) -> Pin<Box<dyn Future<Output = Option<Principal>> + Send + 'a>> {
        Box::pin(async move {
            let token = self.app.approvals().token(secret, (self.clock)()).await;
            if let Err(error) = &token {
                tracing::warn!(%error, "a service token was refused");
            }
            token.ok().map(|token| Principal::token(&token.name))
        })
    }
}

/// Syncs every configured source at each interval, one after the other. A failure is told and kept
/// with its source, and the others go on. Never ends: a sync that is cut off when the server stops has
/// committed whole steps only.
async fn sync_live_sources(app: &App, output: &Output) {
    let (Some(interval), false) = (app.config().sync.interval, app.config().sources.is_empty())
    else {
        return std::future::pending().await;
    };
    loop {
        for source in &app.config().sources {
            let synced = match outside() {
                Ok(outside) => app.sync_source(&source.name, None, &outside).await,
                Err(error) => {
                    output.note(format_args!("no sync: {error}"));
                    continue;
                }
            };
            match synced {
                Ok(synced) if synced.accepted + synced.rejected == 0 => {}
                Ok(synced) => output.note(format_args!(
                    "{}: {} new rows, {} rejected",
                    printable(&synced.source),
                    synced.accepted,
                    synced.rejected
                )),
                Err(error) => output.note(printable(&in_one_line(&error))),
            }
        }
        tokio::time::sleep(interval).await;
    }
}

/// Delivers proposals to repositories, carries out what people approve, and measures what became of earlier
/// savings. A failure is told, and tried again the next minute. Never ends: what is cut off is picked up by
/// whoever comes next.
async fn execute_approved(app: &App, hooks: Option<&ForgeHooks>, output: &Output) {
    let repositories = match repositories(app).await {
        Ok(repositories) => repositories,
        Err(error) => {
            output.note(format_args!("nothing is carried out: {error}"));
            return std::future::pending().await;
        }
    };
    loop {
        let delivered = super::deliver::step(app, &repositories).await;
        let delivered =
            delivered.map(|delivered| delivered.iter().map(super::deliver::line).collect());
        let executed = super::execute::step(app, &repositories).await;
        for told in [delivered, executed.map(|done| done.lines())] {
            let told: Vec<String> =
                told.unwrap_or_else(|error| vec![printable(&in_one_line(&error))]);
            for line in told {
                output.note(line);
            }
        }
        let came = async {
            match hooks {
                Some(hooks) => hooks.came().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(EXECUTE_EVERY) => {}
            () = came => {}
        }
    }
}

/// Looks at what comes from Slack, and keeps its messages and those of Teams up to date. Never ends.
async fn keep_told(app: &App, slack: Option<&Slack>, output: &Output) {
    let is_configured = app.config().slack.is_some() || app.config().teams.is_some();
    if !is_configured {
        return std::future::pending().await;
    }
    let tell = async {
        loop {
            let told = match outside() {
                Ok(outside) => app.slack_step(now(), &outside).await,
                Err(error) => {
                    output.note(format_args!("nothing is posted: {error}"));
                    Ok(Vec::new())
                }
            };
            match told {
                Ok(told) => {
                    for line in told.iter().filter_map(failure_of) {
                        output.note(line);
                    }
                }
                Err(error) => output.note(printable(&in_one_line(&error))),
            }
            tokio::time::sleep(EXECUTE_EVERY).await;
        }
    };
    match slack {
        Some(slack) => {
            tokio::select! {
                () = tell => {}
                () = slack.listen() => {}
                () = slack.work_through(now) => {}
            }
        }
        None => tell.await,
    }
}

/// A message that could not be posted or edited, in words.
fn failure_of(told: &Told) -> Option<String> {
    match told {
        Told::Failed { key, reason } => Some(printable(&format!("{key}: {reason}"))),
        Told::Posted { .. } | Told::Edited { .. } => None,
    }
}

fn random() -> Result<u64, NonceError> {
    nonce().map_err(Into::into)
}

/// Ends on Ctrl-C, and on the signal with which services are stopped.
async fn asked_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        if let Ok(mut terminate) = terminate {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
