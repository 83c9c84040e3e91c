//! Suite `digest`: the week of all spend and of each owner, the month for finance, a scorecard, worded
//! through a model from the facts of the product's own digests.

use std::{sync::Arc, time::Instant};

use centinel_agent::{
    Allowance, Budget, Caps, Chat, Endpoint, Gates, Limits, Narrator, Settings, Spent, Task,
    Transport,
};
use centinel_engine::{
    facts::Bundle,
    money::{Currency, Money, Pico},
};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    Setup, homes,
    homes::text,
    narrated::{self, Published},
    score::Score,
    stand_in::{MODEL, StandIn},
};

/// Runs the suite against one model.
pub(crate) fn run(setup: &Setup, model: &StandIn) -> anyhow::Result<Score> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut score = Score::default();
    for seed in &setup.seeds {
        let (home, parts) = homes::company(*seed, "")?;
        let mut teams: Vec<&str> = parts.iter().filter_map(|part| part.team.as_deref()).collect();
        teams.sort_unstable();
        teams.dedup();
        let mut cases: Vec<(Task, Vec<&str>)> = vec![
            (Task::Digest, vec!["digest", "--week", "2026-W43"]),
            (Task::Cfo, vec!["digest", "--cfo", "--month", "2026-09"]),
            (Task::Scorecard, vec!["digest", "--scorecard", teams[0], "--month", "2026-09"]),
        ];
        cases.extend(
            teams
                .iter()
                .map(|team| (Task::Digest, vec!["digest", "--owner", team, "--week", "2026-W43"])),
        );
        for (task, args) in cases.iter().take(setup.cases + 2) {
            let answer = home.json(args)?;
            let bundle: Bundle = serde_json::from_value(answer["facts"].clone())?;
            let what = format!("digest seed {seed} {}", args.join(" "));
            let before = model.count();
            let began = Instant::now();
            let (words, label) =
                runtime.block_on(worded(*task, &bundle, text(&answer, "/cited"), setup, model))?;
            score.took(began.elapsed());
            let published = Published { what: &what, text: &words, label: &label, bundle: &bundle };
            narrated::judged(&published, &model.since(before), &mut score);
            sums(&answer, &what, &mut score);
        }
    }
    Ok(score)
}

/// The standard wording is there for every digest, whatever a model does.
fn sums(answer: &Value, what: &str, score: &mut Score) {
    if text(answer, "/text").trim().is_empty() || text(answer, "/cited").trim().is_empty() {
        score.breach(format!("{what}: the digest has no standard wording"));
    }
}

/// What the narrator makes of a bundle: its text and label.
async fn worded(
    task: Task,
    bundle: &Bundle,
    standard: &str,
    setup: &Setup,
    model: &StandIn,
) -> anyhow::Result<(String, String)> {
    let endpoint = Endpoint::new(&model.base(), MODEL, Some("openai"), None, None, false)?;
    let limits = Limits { time: setup.time(), ..Limits::default() };
    let chat = Chat::new(endpoint, Transport::Live, limits, now)?;
    // Money is the suites' own limit; here tokens bound a run.
    let allowance = Allowance { money: Pico(i128::from(i64::MAX)), tokens: 2_000_000 };
    let caps = Caps { run: allowance, day: allowance };
    let nothing = Money { amount: Pico::ZERO, currency: Currency::USD };
    let spent = Spent { money: nothing.amount, tokens: 0 };
    let budget = Budget::new(caps, Currency::USD, Arc::new(|_: &_| None), now(), spent);
    let narrator = Narrator::new(chat, Arc::new(budget), Settings::default());
    let worded =
        narrator.word(task, &Gates::new(bundle, standard), standard, &narrator.begin_run(1)).await;
    Ok((worded.text, worded.label.to_string()))
}

#[expect(clippy::disallowed_methods, reason = "the narrator's calls are dated by somebody's clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
