//! Suite `multi_turn`: conversations in which a question goes on with the one before it.

use super::{Setup, asking, score::Score, stand_in::StandIn};

/// Runs the suite.
pub(crate) fn run(setup: &Setup, model: &StandIn) -> anyhow::Result<Score> {
    let mut score = Score::default();
    for seed in &setup.seeds {
        let (home, parts) = asking::home(*seed, &setup.config(model))?;
        let questions = asking::questions(&parts)?;
        asking::unchanged(&home, &mut score, |score| {
            for case in &questions.multi_turn {
                let answers = asking::converse(&home, &case.asks)?;
                score.count("every turn answered", answers.len() == case.asks.len());
                if answers.len() != case.asks.len() {
                    score.breach(format!(
                        "multi_turn seed {seed}: {} of {} turns answered",
                        answers.len(),
                        case.asks.len()
                    ));
                }
                for ((ask, tool), answer) in case.asks.iter().zip(&case.tools).zip(&answers) {
                    // Drafts of several turns lie together: they are counted in the other suites.
                    let what = format!("multi_turn seed {seed} `{ask}`");
                    asking::judged(&home, &what, answer, model, usize::MAX, score)?;
                    let called = answer.calls();
                    let first = called.first().map_or("", |(tool, _)| tool.as_str());
                    score.expect("right tool in its turn", first == tool, || {
                        format!("{what}: {called:?}")
                    });
                }
                let last = answers.last().map(asking::Answer::calls).unwrap_or_default();
                let is_right = last
                    .first()
                    .map_or(case.tools.last().is_none_or(String::is_empty), |(_, arguments)| {
                        asking::has(arguments, &case.last)
                    });
                score.expect("last turn keeps what was said before", is_right, || {
                    format!("{:?}: {last:?}", case.asks)
                });
            }
            Ok(())
        })?;
    }
    Ok(score)
}
