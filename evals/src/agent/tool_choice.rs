//! Suite `tool_choice`: what is looked up for a question, by tool and arguments.

use super::{Setup, asking, score::Score, stand_in::StandIn};

/// Runs the suite; `more` are further arguments of `ask`.
pub(crate) fn run(setup: &Setup, model: &StandIn, more: &[&str]) -> anyhow::Result<Score> {
    let mut score = Score::default();
    for seed in &setup.seeds {
        let (home, parts) = asking::home(*seed, &setup.config(model))?;
        let questions = asking::questions(&parts)?;
        asking::unchanged(&home, &mut score, |score| {
            for case in questions.tool_choice.iter().take(setup.cases * 3) {
                let from = model.count();
                let answer = asking::ask(&home, &case.ask, more)?;
                let what = format!("tool_choice seed {seed} `{}`", case.ask);
                asking::judged(&home, &what, &answer, model, from, score)?;
                let calls = answer.calls();
                let first = calls.first();
                let is_first = first.is_some_and(|(tool, _)| *tool == case.tool);
                score.expect("right tool first", is_first, || format!("{what}: {calls:?}"));
                let is_right = calls.iter().any(|(tool, arguments)| {
                    *tool == case.tool && asking::has(arguments, &case.arguments)
                });
                score.expect("right tool and arguments", is_right, || format!("{what}: {calls:?}"));
                score.add("needless calls", calls.len().saturating_sub(1), calls.len());
            }
            Ok(())
        })?;
    }
    Ok(score)
}
