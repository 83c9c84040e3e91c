//! Suite `no_data`: a question about what is not there is answered without a figure of money.

use super::{Setup, asking, score::Score, stand_in::StandIn};

/// Runs the suite; `more` are further arguments of `ask`.
pub(crate) fn run(setup: &Setup, model: &StandIn, more: &[&str]) -> anyhow::Result<Score> {
    let mut score = Score::default();
    for seed in setup.seeds.iter().take(1) {
        let (home, parts) = asking::home(*seed, &setup.config(model))?;
        let questions = asking::questions(&parts)?;
        asking::unchanged(&home, &mut score, |score| {
            for case in &questions.no_data {
                let from = model.count();
                let answer = asking::ask(&home, &case.ask, more)?;
                asking::judged(
                    &home,
                    &format!("no_data `{}`", case.ask),
                    &answer,
                    model,
                    from,
                    score,
                )?;
                // An amount other than zero is one of something else than what was asked for.
                let is_plain = !has_amount(answer.text());
                score.expect("no amount of something else", is_plain, || {
                    format!("`{}`: {}", case.ask, answer.text())
                });
            }
            Ok(())
        })?;
    }
    Ok(score)
}

/// Whether a text has an amount of money that is not zero.
fn has_amount(text: &str) -> bool {
    text.match_indices('$').any(|(at, _)| {
        let digits = text.get(at + 1..).unwrap_or_default();
        let amount: String =
            digits.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ',')).collect();
        amount.chars().any(|c| matches!(c, '1'..='9'))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn amounts_are_seen() {
        assert!(super::has_amount("It cost $12.40 [F1]."));
        assert!(!super::has_amount("It cost $0.00 [F1] in 2019."));
    }
}
