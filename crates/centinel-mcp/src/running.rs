//! A call while it runs: in its caller's trace, with news for a client that waits, and no longer than
//! somebody waits for it.

use std::{
    convert::Infallible,
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    time::Duration,
};

use axum::http::{HeaderMap, request::Parts};
use rmcp::{RoleServer, model::ProgressNotificationParam, service::RequestContext};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::{JoinSet, block_in_place},
    time::Instant,
};
use tracing::Instrument as _;

use crate::ports::Principal;

/// How long a call may be silent, for a client that asked for progress.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// What work that keeps the limit itself has longer, so that it says what took the time.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The header, and the field of `_meta` (SEP-414), that say whose trace a request belongs to.
const TRACEPARENT: &str = "traceparent";

/// Why a call has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupted {
    /// Its client has gone, or has taken it back.
    TakenBack,
    /// It was not done in time.
    Late,
    /// The work broke; the cause is in the log.
    Broken,
}

/// Does the work of one call, within a limit of time.
///
/// The work runs in a span with the tool, the caller and the trace that the request names: whatever is
/// logged meanwhile has them. A client that sent a progress token hears after every
/// [`SILENCE_MAX`] that the work goes on; over HTTP the answer becomes a stream then, and is plain JSON
/// otherwise.
///
/// # Errors
///
/// [`Interrupted`]; the work is dropped then, at the next point where it waits for something.
pub(crate) async fn run<T: Send + 'static>(
    context: &RequestContext<RoleServer>,
    tool: &str,
    caller: &Principal,
    limit: Duration,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Interrupted> {
    // Of the highest level, for the span itself says nothing: it is there whenever anything is logged.
    let span = tracing::error_span!(
        "mcp_call",
        tool,
        %caller,
        trace_id = tracing::field::Empty,
        parent_id = tracing::field::Empty,
    );
    if let Some(parent) = parent_of(context) {
        span.record("trace_id", tracing::field::display(&parent.trace));
        span.record("parent_id", tracing::field::display(&parent.span));
    }
    let begun = Instant::now();
    // A task of its own, so that news and the end of the call do not wait for it. It ends with the set.
    let mut task = JoinSet::new();
    task.spawn(apart(work).instrument(span.clone()));
    let watched = async {
        let done = tokio::select! {
            done = task.join_next() => match done {
                Some(Ok(done)) => Ok(done),
                broken => {
                    let error = broken.and_then(Result::err).map(|error| error.to_string());
                    tracing::error!(error, "call broke");
                    Err(Interrupted::Broken)
                }
            },
            () = context.ct.cancelled() => Err(Interrupted::TakenBack),
            () = tokio::time::sleep(limit + LAST_WORDS) => Err(Interrupted::Late),
            never = report(context, begun) => match never {},
        };
        let elapsed_ms = begun.elapsed().as_millis();
        let interrupted = done.as_ref().err().map(tracing::field::debug);
        tracing::info!(elapsed_ms, interrupted, "call ended");
        done
    };
    watched.instrument(span).await
}

/// The same work, such that the threads which serve connections go on while it computes: it may do so for
/// long between two points where it waits.
pub(crate) async fn apart<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    // There is no other thread to go on with in a runtime of one.
    let has_threads = Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
    poll_fn(|context| {
        if has_threads {
            block_in_place(|| work.as_mut().poll(context))
        } else {
            work.as_mut().poll(context)
        }
    })
    .await
}

/// Tells the client that the work goes on, for as long as it does.
async fn report(context: &RequestContext<RoleServer>, begun: Instant) -> Infallible {
    let Some(token) = context.meta.get_progress_token() else {
        return std::future::pending().await;
    };
    let mut ticks = tokio::time::interval_at(begun + SILENCE_MAX, SILENCE_MAX);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seconds = 0.0;
    loop {
        ticks.tick().await;
        seconds += SILENCE_MAX.as_secs_f64();
        // How much there is to do is not known, so there is no total.
        let news = ProgressNotificationParam::new(token.clone(), seconds)
            .with_message(format!("computing for {seconds} s"));
        if let Err(error) = context.peer.notify_progress(news).await {
            tracing::debug!(%error, "progress was not delivered");
        }
    }
}

/// Where in a trace a request comes from, by W3C Trace Context.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parent {
    trace: Hex<32>,
    span: Hex<16>,
}

/// Lowercase hex digits, not all of them zero.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hex<const DIGITS: usize>(String);

impl<const DIGITS: usize> Hex<DIGITS> {
    fn read(text: &str) -> Option<Self> {
        let is_id = text.len() == DIGITS && is_hex(text) && text.bytes().any(|byte| byte != b'0');
        is_id.then(|| Self(text.to_owned()))
    }
}

impl<const DIGITS: usize> fmt::Display for Hex<DIGITS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Parent {
    /// Reads a `traceparent`; `None` for anything that is none, which is then as if it were not there.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_two = |text: &str| text.len() == 2 && is_hex(text);
        // Version 00 ends here; a later one may go on, and its first fields mean the same.
        let may_go_on = version != "00";
        if !is_two(version) || version == "ff" || !is_two(flags) {
            return None;
        }
        if parts.next().is_some() && !may_go_on {
            return None;
        }
        Some(Self { trace: Hex::read(trace)?, span: Hex::read(span)? })
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The trace that a request belongs to: its own word first, then that of the HTTP request around it.
fn parent_of(context: &RequestContext<RoleServer>) -> Option<Parent> {
    let own = context.meta.get_traceparent().and_then(Parent::read);
    own.or_else(|| header_parent(&context.extensions.get::<Parts>()?.headers))
}

fn header_parent(headers: &HeaderMap) -> Option<Parent> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    // Two of them contradict each other, whatever they say.
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    Parent::read(value.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn a_traceparent_is_read_exactly_or_not_at_all() {
        let zeros = "0".repeat(32);
        let none = "0".repeat(16);
        let upper = TRACE.to_uppercase();
        for (text, is_read) in [
            (format!("00-{TRACE}-{SPAN}-01"), true),
            (format!("00-{TRACE}-{SPAN}-00"), true),
            (format!("cc-{TRACE}-{SPAN}-01"), true),
            (format!("cc-{TRACE}-{SPAN}-01-what-the-future-brings"), true),
            (format!("00-{TRACE}-{SPAN}-01-more"), false),
            (format!("ff-{TRACE}-{SPAN}-01"), false),
            (format!("00-{zeros}-{SPAN}-01"), false),
            (format!("00-{TRACE}-{none}-01"), false),
            (format!("00-{upper}-{SPAN}-01"), false),
            (format!("00-{TRACE}-{SPAN}"), false),
            (format!("00-{TRACE}-{SPAN}-1"), false),
            (format!("0-{TRACE}-{SPAN}-01"), false),
            (format!("00-{TRACE}0-{SPAN}-01"), false),
            (format!(" 00-{TRACE}-{SPAN}-01"), false),
            (format!("00-{TRACE}-{SPAN}-01\n"), false),
            (format!("00-{}g-{SPAN}-01", &TRACE[1..]), false),
            (String::new(), false),
            ("-".repeat(10_000), false),
        ] {
            let read = Parent::read(&text);
            assert_eq!(read.is_some(), is_read, "{text}");
            if let Some(parent) = read {
                assert_eq!(
                    (parent.trace.to_string(), parent.span.to_string()),
                    (TRACE.into(), SPAN.into())
                );
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn who_computes_holds_up_nobody() {
        let computing = || apart(async { std::thread::sleep(Duration::from_millis(600)) });
        let mut work = JoinSet::new();
        for _ in 0..4 {
            work.spawn(computing());
        }
        tokio::task::yield_now().await;
        let begun = std::time::Instant::now();
        // On the one thread that serves connections.
        let mut serving = JoinSet::new();
        serving.spawn(tokio::time::sleep(Duration::from_millis(1)));
        serving.join_all().await;
        assert!(begun.elapsed() < Duration::from_millis(300), "{:?}", begun.elapsed());
        work.join_all().await;
    }

    #[test]
    fn two_headers_are_none() {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(&format!("00-{TRACE}-{SPAN}-01")).unwrap();
        assert_eq!(header_parent(&headers), None);
        headers.append(TRACEPARENT, value.clone());
        assert!(header_parent(&headers).is_some());
        headers.append(TRACEPARENT, value);
        assert_eq!(header_parent(&headers), None);
    }
}
