//! Suite `propose`: a wish for a budget becomes a proposal of that amount, which waits for a person; without
//! leave to propose, nothing is written.

use super::{Setup, asking, homes::text, score::Score, sinks::Snapshot, stand_in::StandIn};

/// Runs the suite.
pub(crate) fn run(setup: &Setup, model: &StandIn) -> anyhow::Result<Score> {
    let mut score = Score::default();
    for seed in &setup.seeds {
        let (home, parts) = asking::home(*seed, &setup.config(model))?;
        let questions = asking::questions(&parts)?;
        for case in &questions.propose {
            let count = |score: &mut Score, more: &[&str]| -> anyhow::Result<usize> {
                let before = Snapshot::of(home.path(), home.around())?.rows("proposal").count();
                asking::unchanged(&home, score, |score| {
                    let from = model.count();
                    let answer = asking::ask(&home, &case.ask, more)?;
                    let what = format!("propose seed {seed} {more:?} `{}`", case.ask);
                    asking::judged(&home, &what, &answer, model, from, score)
                })?;
                Ok(Snapshot::of(home.path(), home.around())?.rows("proposal").count() - before)
            };
            // First with leave, while the newest calls of the home are those of its data.
            let written = count(&mut score, &["--propose"])?;
            score.expect("proposals written with leave", written == 1, || format!("seed {seed}"));
            let unasked = count(&mut score, &[])?;
            score.count("proposals written without leave", unasked > 0);
            if unasked > 0 {
                score.breach(format!("propose seed {seed}: {unasked} proposals without leave"));
            }
            let twice = count(&mut score, &["--propose"])?;
            score.count("the same wish again is the same proposal", written == 1 && twice == 0);
            if written == 1 {
                let shown = home.json(&["show", "P-2"])?;
                score.count(
                    "of the amount that was asked for",
                    shown.to_string().contains(&format!("\"{}", case.amount)),
                );
                score.count("wait for a person", text(&shown, "/status") == "pending");
            }
        }
    }
    Ok(score)
}
