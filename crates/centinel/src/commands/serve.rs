//! `centinel serve`: page, JSON API, OTLP and call routes, MCP, on the loopback interface.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Context as _;
use centinel_app::{
    App, ForgeHooks, Repositories, Slack, Told, Wording, in_one_line, oidc::Providers,
};
use centinel_mcp::{AccessToken, http_service, metadata_routes};
use centinel_web::{NonceError, Refusals, WebState};
use jiff::Timestamp;
use tokio::net::TcpListener;

use crate::{
    commands::{analyze::Schedule, digest, surface::Surface},
    context::{Context, block_on, explain, nonce, now, outside, repositories},
    failure::hinted,
    listen, logging,
    mcp_gate::{self, McpGate},
    narrator::Narration,
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
    #[command(flatten)]
    surface: Surface,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.ensure_home(output)?;
    serve(context, args.port, args.surface, output)
}

/// Serves until the process is asked to stop.
pub(crate) fn serve(
    context: &Context,
    port: u16,
    surface: impl Into<Surface>,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let surface = surface.into();
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
        // Where everybody is to sign in, holding the home is not enough.
        let is_wanted = !app.config().access.sign_in;
        let local = is_wanted.then(|| mcp_gate::local_token(app.home())).transpose()?;
        let mut router = router(&app, &page, surface, now, providers, &refusals, local)?;
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
        let narration = Narration::of(&app);
        tokio::select! {
            () = listen::serve(listener, router, asked_to_stop()) => {}
            () = sync_live_sources(&app, output) => {}
            () = work_on_repositories(&app, hooks.as_ref(), narration.as_ref(), output) => {}
            () = keep_told(&app, slack.as_ref(), output) => {}
            () = word_digests(&app, narration.as_ref(), output) => {}
            () = app.keep_warm(now) => {}
        }
        // What is being worded is given up, and what it used is booked.
        if let Some(narration) = &narration {
            narration.finish().await;
        }
        app.database().close().await;
        Ok(Outcome::Done)
    })
}

/// Every route, `/mcp` among them. `local` is the token of whoever holds the home.
pub(crate) fn router(
    app: &App,
    page: &str,
    surface: impl Into<Surface>,
    clock: fn() -> Timestamp,
    providers: Providers,
    refusals: &Refusals,
    local: Option<AccessToken>,
) -> anyhow::Result<axum::Router> {
    let address = app.config().access.address.as_ref();
    let page = address.map_or_else(|| page.to_owned(), ToString::to_string);
    let Surface { read_only, toolsets } = surface.into();
    let gate = McpGate::new(app, &page, clock, providers.clone(), refusals, local)?;
    let (document, path) = gate.metadata(read_only).unzip();
    let well_known = metadata_routes(document, &path.unwrap_or_default());
    let options = PortOptions { read_only, review_base: Some(page), token: None };
    let http = gate.http_options().guarded_by(Arc::new(gate));
    let server = ports::server(app.clone(), options, clock).with_toolsets(toolsets);
    let mcp = http_service(server, http);
    let state = WebState::new(app.clone(), clock, random).signing_in_with(providers);
    let state = state.counting_in(refusals.clone());
    Ok(centinel_web::router(state).nest("/mcp", mcp).merge(well_known))
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

/// What is done with repositories. They are opened once: of a mirror there is one user at a time.
async fn work_on_repositories(
    app: &App,
    hooks: Option<&ForgeHooks>,
    narration: Option<&Narration>,
    output: &Output,
) {
    let repositories = match repositories(app).await {
        Ok(repositories) => repositories,
        Err(error) => {
            output.note(format_args!("nothing is carried out or analysed: {error}"));
            return std::future::pending().await;
        }
    };
    tokio::select! {
        () = execute_approved(app, &repositories, hooks, output) => {}
        () = analyse_new(app, &repositories, narration, output) => {}
    }
}

/// Analyses new episodes after each import and each day, words them, and tells their owners. A failure is
/// told, and tried again the next minute. Never ends: what is cut off is picked up by whoever comes next.
async fn analyse_new(
    app: &App,
    repositories: &Repositories,
    narration: Option<&Narration>,
    output: &Output,
) {
    let mut schedule = Schedule::default();
    let wording = narration.map(|narration| narration as &dyn Wording);
    loop {
        match schedule.step(app, repositories, wording).await {
            Ok(said) => {
                for line in said {
                    output.note(line);
                }
            }
            Err(error) => output.note(printable(&in_one_line(&error))),
        }
        tokio::time::sleep(EXECUTE_EVERY).await;
    }
}

/// Words digests, so that pages and mails find them worded. Never ends: without a narrator there is nothing
/// to do.
async fn word_digests(app: &App, narration: Option<&Narration>, output: &Output) {
    let Some(narration) = narration else { return std::future::pending().await };
    let mut schedule = digest::Schedule::default();
    loop {
        match schedule.step(app, narration).await {
            Ok(said) => {
                for line in said {
                    output.note(line);
                }
            }
            Err(error) => output.note(printable(&in_one_line(&error))),
        }
        tokio::time::sleep(EXECUTE_EVERY).await;
    }
}

/// Delivers proposals to repositories, carries out what people approve, and measures what became of earlier
/// savings. A failure is told, and tried again the next minute. Never ends: what is cut off is picked up by
/// whoever comes next.
async fn execute_approved(
    app: &App,
    repositories: &Repositories,
    hooks: Option<&ForgeHooks>,
    output: &Output,
) {
    loop {
        let delivered = super::deliver::step(app, repositories).await;
        let delivered =
            delivered.map(|delivered| delivered.iter().map(super::deliver::line).collect());
        let executed = super::execute::step(app, repositories).await;
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
