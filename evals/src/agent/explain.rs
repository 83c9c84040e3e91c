//! Suite `explain`: planted causes, found by the product and worded through a model, in explanations and
//! in analyses.
//!
//! Truth is the generator's: which part, since when, which driver. Decoys are an announced change, a fall
//! and parts in which nothing happens.

use serde_json::Value;

use super::{
    Setup, analysed,
    company::Part,
    homes,
    homes::text,
    narrated::{self, Published},
    score::Score,
    stand_in::StandIn,
};

/// Runs the suite against one model.
pub(crate) fn run(setup: &Setup, model: &StandIn) -> anyhow::Result<Score> {
    let mut score = Score::default();
    for seed in &setup.seeds {
        score.merge(of_company(*seed, setup, model)?);
    }
    Ok(score)
}

fn of_company(seed: u64, setup: &Setup, model: &StandIn) -> anyhow::Result<Score> {
    let mut score = Score::default();
    let (home, parts) = homes::company(seed, &setup.config(model))?;
    let listed = home.json(&["anomalies"])?;
    let incidents = incidents(&listed);
    let mut asked = 0;
    for part in &parts {
        let found = incidents.iter().find(|one| is_of(one, part));
        if !part.planted.is_incident() {
            score.count("decoys and steady parts reported", found.is_some());
            continue;
        }
        score.count("planted incidents found", found.is_some());
        asked += 1;
        if asked > setup.cases {
            continue;
        }
        let [from, until] = part.affected();
        let only = format!("feature={}", part.feature);
        let mut args = vec!["--json", "explain", "--narrate"];
        match found {
            Some(found) if text(found, "/scope/feature") == part.feature => {
                args.push(text(found, "/id"));
            }
            // Nobody found it, or as a part of something larger: it is asked for by its name.
            _ => args.extend(["--only", &only, "--from", &from, "--until", &until]),
        }
        let before = model.count();
        let ran = home.run(&args)?;
        score.took(ran.took);
        let answer = ran.ok()?.json()?;
        let id = &part.feature;
        let what = format!("explain seed {seed} {id}");
        let drivers = drivers(&answer);
        let truth = part.planted.driver().unwrap_or_default();
        score.count("cause, first", drivers.first().is_some_and(|driver| driver == truth));
        score.count("cause, first three", drivers.iter().take(3).any(|driver| driver == truth));
        let bundle = homes::bundle(&home, text(&answer, "/evidence"))?;
        let words = text(&answer, "/narrative/text");
        let published = Published {
            what: &what,
            text: words,
            label: text(&answer, "/narrative/label"),
            bundle: &bundle,
        };
        narrated::judged(&published, &model.since(before), &mut score);
        score.count(
            "the planted cause is told",
            words.contains(&truth.replace('_', " ").replace("mix", "model mix")),
        );
    }
    analysed::each(&home, &format!("explain seed {seed}"), setup.cases, model, &mut score)?;
    score.booked(homes::booked(&home)?);
    Ok(score)
}

/// Whether an episode is of a part in its days.
fn is_of(incident: &Value, part: &Part) -> bool {
    let [first, end] = part.affected();
    names(incident, &part.feature)
        && text(incident, "/last") >= first.as_str()
        && text(incident, "/start") < end.as_str()
}

/// Whether an episode is of a feature: by its scope, or by the parts that it is seen in.
pub(crate) fn names(incident: &Value, feature: &str) -> bool {
    let name = format!("feature={feature}");
    let seen_in = incident["seen_in"].as_array().map(Vec::as_slice).unwrap_or_default();
    text(incident, "/scope/feature") == feature
        || seen_in
            .iter()
            .any(|seen| seen.as_str().is_some_and(|seen| seen.split(", ").any(|one| one == name)))
}

/// The list of an answer, whatever it is called.
pub(crate) fn incidents(answer: &Value) -> Vec<Value> {
    let list = answer.as_array().or_else(|| answer.as_object()?.values().find_map(Value::as_array));
    list.cloned().unwrap_or_default()
}

/// Drivers that raised the cost, the largest first.
fn drivers(answer: &Value) -> Vec<String> {
    let effects = answer["effects"].as_array().map(Vec::as_slice).unwrap_or_default();
    let amount = |effect: &Value| {
        let amount = &effect["amount"];
        amount.as_f64().or_else(|| amount.as_str()?.parse().ok()).unwrap_or(0.0)
    };
    let mut named: Vec<(f64, String)> =
        effects.iter().map(|effect| (amount(effect), text(effect, "/driver").to_owned())).collect();
    named.sort_by(|a, b| b.0.total_cmp(&a.0));
    named.into_iter().map(|(_, driver)| driver).collect()
}
