//! Suite `ambiguous`: what may mean either of two things is asked back, or answered with facts; what cannot
//! be read is said to be so. Never is a figure made up.

use super::{Setup, asking, score::Score, stand_in::StandIn};

/// Runs the suite; `more` are further arguments of `ask`.
pub(crate) fn run(setup: &Setup, model: &StandIn, more: &[&str]) -> anyhow::Result<Score> {
    let mut score = Score::default();
    for seed in setup.seeds.iter().take(1) {
        let (home, parts) = asking::home(*seed, &setup.config(model))?;
        let questions = asking::questions(&parts)?;
        asking::unchanged(&home, &mut score, |score| {
            for case in &questions.ambiguous {
                let from = model.count();
                let answer = asking::ask(&home, &case.ask, more)?;
                asking::judged(
                    &home,
                    &format!("ambiguous `{}`", case.ask),
                    &answer,
                    model,
                    from,
                    score,
                )?;
                let is_asked_back = answer.text().trim_end().ends_with('?');
                let names_both =
                    answer.text().contains("feature") && answer.text().contains("team");
                score.expect("asked back with both choices", is_asked_back && names_both, || {
                    format!("`{}`: {}", case.ask, answer.text())
                });
            }
            for case in &questions.unreadable {
                let from = model.count();
                let answer = asking::ask(&home, &case.ask, more)?;
                asking::judged(
                    &home,
                    &format!("ambiguous `{}`", case.ask),
                    &answer,
                    model,
                    from,
                    score,
                )?;
                let is_said = answer.calls().is_empty() && answer.text().contains("Ask ");
                score.expect("says what can be asked", is_said, || {
                    format!("`{}`: {}", case.ask, answer.text())
                });
            }
            Ok(())
        })?;
    }
    Ok(score)
}
