//! The narrator's part: whether its endpoint answers, and how it keeps to JSON.

use centinel_agent::{
    Mode, Narrator,
    probe::{Probed, probe},
};
use centinel_app::App;
use serde_json::{Value, json};

use super::Check;
use crate::{context::nonce, failure::hint_of, narrator};

/// The checks, and what the probe found for programs.
pub(super) async fn checks(app: &App, probes: bool) -> (Vec<Check>, Option<Value>) {
    let name = "narrator";
    let opened = match narrator::open(app).await {
        Ok(None) => {
            let found = "none configured: every text has its standard wording, nothing goes out";
            return (vec![Check::ok(name, found)], None);
        }
        Ok(Some(opened)) => opened,
        Err(error) => {
            return (vec![Check::failed(name, format!("{error:#}"), hint_of(&error))], None);
        }
    };
    let endpoint = opened.chat().endpoint();
    let place = format!("`{}` at {endpoint}", endpoint.model());
    if !probes {
        return (vec![Check::ok(name, format!("{place}; not asked"))], None);
    }
    let (probed, unbooked) = match ask(app, &opened).await {
        Ok(asked) => asked,
        Err(error) => return (vec![Check::failed(name, format!("{error:#}"), None)], None),
    };
    let mut checks = vec![told(&place, &probed, opened.mode())];
    if let Some(error) = unbooked {
        checks.push(Check::failed(name, format!("what it used is not booked: {error:#}"), None));
    }
    let shown = json!({
        "endpoint": endpoint.to_string(),
        "model": endpoint.model(),
        "provider": endpoint.provider(),
        "served_model": probed.served_model,
        "mode": probed.mode(),
        "tried": probed.tried,
        "says_usage": probed.says_usage,
        "calls": probed.calls.len(),
    });
    (checks, Some(shown))
}

/// Asks, and books what that used: our own calls are spend like any other.
async fn ask(app: &App, narrator: &Narrator) -> anyhow::Result<(Probed, Option<anyhow::Error>)> {
    let probed = probe(narrator.chat(), &narrator.begin_run(nonce()?)).await;
    let booked = narrator::book(app, &probed.calls).await;
    Ok((probed, booked.err()))
}

fn told(place: &str, probed: &Probed, configured: Mode) -> Check {
    let name = "narrator";
    let Some(mode) = probed.mode() else {
        let fault = probed.fault.as_ref();
        let said = fault.and_then(|fault| fault.said()).unwrap_or_default();
        let reason = fault.map(ToString::to_string).unwrap_or_default();
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        let hint = fault.and_then(centinel_agent::Fault::hint).map(str::to_owned);
        return Check::failed(name, format!("{place}: {reason}{said}"), hint);
    };
    let latency = probed.tried.iter().find(|tried| tried.works).map_or(0, |tried| tried.latency_ms);
    let modes: Vec<String> = probed
        .tried
        .iter()
        .map(|tried| format!("{} {}", tried.mode.name(), if tried.works { "yes" } else { "no" }))
        .collect();
    let usage = if probed.says_usage == Some(true) { "yes" } else { "no" };
    let found =
        format!("{place} answers in {latency} ms; {}; says usage: {usage}", modes.join(", "));
    if probed.says_usage != Some(true) {
        let hint = "its calls are charged at the most that they can have used";
        return Check::note(name, found, hint);
    }
    if mode > configured {
        let hint = format!(
            "`mode = \"{}\"` in `[narrator]` spares the questions that it does not understand",
            mode.name()
        );
        return Check::note(name, found, hint);
    }
    Check::ok(name, found)
}
