//! Suite `digest`: the week of all spend and of each owner, the month for finance, a scorecard, as
//! `digest --narrate` words them.

use serde_json::Value;

use super::{
    Setup, asking, homes,
    homes::text,
    narrated::{self, Published},
    product::Home,
    score::Score,
    stand_in::StandIn,
};

/// Runs the suite against one model.
pub(crate) fn run(setup: &Setup, model: &StandIn) -> anyhow::Result<Score> {
    let mut score = Score::default();
    for seed in &setup.seeds {
        let (home, parts) = homes::company(*seed, &setup.config(model))?;
        let mut teams: Vec<&str> = parts.iter().filter_map(|part| part.team.as_deref()).collect();
        teams.sort_unstable();
        teams.dedup();
        let mut cases = vec![
            vec!["digest", "--week", "2026-W43"],
            vec!["digest", "--cfo", "--month", "2026-09"],
            vec!["digest", "--scorecard", teams[0], "--month", "2026-09"],
        ];
        cases
            .extend(teams.iter().map(|team| vec!["digest", "--owner", team, "--week", "2026-W43"]));
        asking::unchanged(&home, &mut score, |score| {
            for args in cases.iter().take(setup.cases + 2) {
                of_digest(&home, &format!("digest seed {seed}"), args, model, score)?;
            }
            Ok(())
        })?;
        score.booked(homes::booked(&home)?);
    }
    Ok(score)
}

/// One digest, worded; asked for again, the same words are there and nobody is asked.
fn of_digest(
    home: &Home,
    of: &str,
    args: &[&str],
    model: &StandIn,
    score: &mut Score,
) -> anyhow::Result<()> {
    let what = format!("{of} {}", args.join(" "));
    let narrate = [&["--json"], args, &["--narrate"]].concat();
    let before = model.count();
    let ran = home.run(&narrate)?;
    score.took(ran.took);
    let answer = ran.ok()?.json()?;
    let exchanges = model.since(before);
    is_whole(&answer, &what, score);
    let bundle = serde_json::from_value(answer["facts"].clone())?;
    let [words, label] = ["/narrative/text", "/narrative/label"].map(|at| text(&answer, at));
    let published = Published { what: &what, text: words, label, bundle: &bundle };
    narrated::judged(&published, &exchanges, score);
    if label.starts_with("worded by") {
        let again = home.json(args)?;
        let is_kept = text(&again, "/narrative/text") == words;
        score.count("words shown again without asking", is_kept);
        if !is_kept || model.count() != before + exchanges.len() {
            score.breach(format!("{what}: words of a model are not kept"));
        }
    }
    Ok(())
}

/// The standard wording is there for every digest, whatever a model does.
fn is_whole(answer: &Value, what: &str, score: &mut Score) {
    if text(answer, "/text").trim().is_empty() || text(answer, "/cited").trim().is_empty() {
        score.breach(format!("{what}: the digest has no standard wording"));
    }
}
