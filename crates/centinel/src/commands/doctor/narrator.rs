//! The narrator's part: whether its endpoint answers, and how it keeps to JSON. What is found out about that
//! is remembered, so that texts begin with it.

use centinel_agent::{
    Narrator,
    probe::{Probed, probe},
};
use centinel_app::{App, LeftAlone};
use serde_json::{Value, json};

use super::Check;
use crate::{
    context::{nonce, now},
    failure::hint_of,
    narrator::{self, remembered},
};

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
    let mut memory = app.narrator_memory(&endpoint.to_string(), endpoint.model());
    if !probes {
        let still = |left: &LeftAlone| left.until > now();
        let check = match memory.left_alone.filter(still) {
            Some(LeftAlone { until, faults, reason }) => {
                let until = until.strftime("%H:%M:%S");
                let found = format!(
                    "{place}; left alone until {until} UTC, after {faults} texts in a row ended in: {reason}"
                );
                Check::note(name, found, "`centinel doctor` without `--no-probe` asks it")
            }
            None => Check::ok(name, format!("{place}; not asked")),
        };
        return (vec![check], None);
    }
    let (probed, unbooked) = match ask(app, &opened).await {
        Ok(asked) => asked,
        Err(error) => return (vec![Check::failed(name, format!("{error:#}"), None)], None),
    };
    let mut checks = vec![told(&place, &probed)];
    if let Some(mode) = probed.mode() {
        (memory.mode, memory.left_alone) = (Some(remembered(mode)), None);
        if let Err(error) = app.remember_narrator(&memory) {
            let found = format!("what it found is not remembered: {error}");
            checks.push(Check::failed(name, found, None));
        }
    }
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

fn told(place: &str, probed: &Probed) -> Check {
    let name = "narrator";
    if probed.mode().is_none() {
        let fault = probed.fault.as_ref();
        let said = fault.and_then(|fault| fault.said()).unwrap_or_default();
        let reason = fault.map(ToString::to_string).unwrap_or_default();
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        let hint = fault.and_then(centinel_agent::Fault::hint).map(str::to_owned);
        return Check::failed(name, format!("{place}: {reason}{said}"), hint);
    }
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
    Check::ok(name, found)
}
