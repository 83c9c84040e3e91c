//! Analyses as `analyze` words and keeps them: each episode asked for by itself, so that what a model
//! drafted for it is known.

use serde_json::Value;

use super::{
    explain, homes,
    homes::text,
    narrated::{self, Published},
    product::Home,
    score::Score,
    stand_in::StandIn,
};

/// An episode, and what was made of it.
#[derive(Debug, Clone)]
pub(crate) struct Analysed {
    /// As `anomalies` lists it.
    pub(crate) incident: Value,
    /// As `analyze` answers.
    pub(crate) analysis: Value,
}

/// Analyses the first `most` episodes of a home, and counts the words of each. One that cannot be analysed
/// is a task without an answer.
pub(crate) fn each(
    home: &Home,
    what: &str,
    most: usize,
    model: &StandIn,
    score: &mut Score,
) -> anyhow::Result<Vec<Analysed>> {
    let mut all = Vec::new();
    for incident in explain::incidents(&home.json(&["anomalies", "--all"])?).into_iter().take(most)
    {
        let id = text(&incident, "/id");
        let what = format!("{what} analyze {id}");
        let before = model.count();
        let ran = home.run(&["--json", "analyze", "--episode", id])?;
        score.took(ran.took);
        let done = ran.ok()?.json()?;
        let Some(analysis) = done.pointer("/analyses/0").cloned() else {
            score.breach(format!("{what}: not answered: {done}"));
            continue;
        };
        let bundle = homes::bundle(home, text(&analysis, "/evidence"))?;
        let label = if text(&analysis, "/label/wording") == "model" {
            "worded by a model"
        } else {
            "standard wording"
        };
        let published =
            Published { what: &what, text: text(&analysis, "/text"), label, bundle: &bundle };
        narrated::judged(&published, &model.since(before), score);
        all.push(Analysed { incident, analysis });
    }
    Ok(all)
}
