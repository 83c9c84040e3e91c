//! The careless stand-in: honest sentences, a stated share of which is made false. What was done to each
//! is known by construction, so what of it is published can be counted.

use centinel_engine::facts::sha256_hex;
use serde_json::Value;

use super::{Said, honest, messages, sheet, sheet::Line, tools};
use crate::random::Random;

/// What is done to a sentence.
const FAULTS: [&str; 9] = [
    "wrong digits",
    "figure instead of a slot",
    "facts swapped",
    "invented cause",
    "invented name",
    "invented date",
    "direction turned round",
    "invented figure",
    "link",
];

/// What it says: the same to the same request and seed, other faults to a repair.
pub(super) fn said(request: &Value, seed: u64, percent: u32) -> Said {
    let digest = sha256_hex(request.to_string().as_bytes());
    let drawn = u64::from_str_radix(digest.get(..16).unwrap_or_default(), 16).unwrap_or(0);
    let mut random = Random::new(&[seed, drawn]);
    if !tools(request).is_empty() {
        return called(request, percent, &mut random);
    }
    let lines: Vec<Line> =
        messages(request).iter().flat_map(|(_, text)| sheet::lines(text)).collect();
    let mut sentences = honest::sentences(request);
    let mut lies = Vec::new();
    for (kind, text) in &mut sentences {
        if random.unit() * 100.0 >= f64::from(percent) {
            continue;
        }
        let fault = *random.one_of(&FAULTS);
        if let Some((new_kind, new_text)) = made_false(text, fault, &lines, &mut random) {
            new_kind.clone_into(kind);
            *text = new_text;
            lies.push((text.clone(), fault));
        }
    }
    Said { text: honest::draft(&sentences), lies, ..Said::default() }
}

/// An honest call, or one with a fault: another tool, one that there is not, arguments that do not fit.
fn called(request: &Value, percent: u32, random: &mut Random) -> Said {
    let mut said = honest::said(request);
    let offered = tools(request);
    let Some((tool, arguments)) = said.calls.first_mut() else { return said };
    if random.unit() * 100.0 < f64::from(percent) {
        match random.whole(0, 4) {
            0 => tool.clone_from(random.one_of(&offered)),
            1 => tool.push_str("_report"),
            2 => arguments["period"] = Value::from("the week before the last one or so"),
            _ => *arguments = Value::from("all of it"),
        }
    }
    said
}

/// A sentence with a fault; `None` where this fault cannot be put into it.
fn made_false(
    text: &str,
    fault: &str,
    lines: &[Line],
    random: &mut Random,
) -> Option<(&'static str, String)> {
    let figure = lines.iter().find(|line| line.kind == "money" && text.contains(&line.slot()));
    let ended = |end: &str| format!("{}{end}", text.trim_end_matches('.'));
    Some(match fault {
        "wrong digits" => {
            let amount = random.whole(1_000, 99_999);
            ("observe", text.replace(&figure?.slot(), &format!("${amount}")))
        }
        "figure instead of a slot" => {
            let line = figure?;
            ("observe", text.replace(&line.slot(), line.shows()))
        }
        "facts swapped" => {
            let line = figure?;
            let others: Vec<&Line> = lines
                .iter()
                .filter(|other| other.kind == line.kind && other.id != line.id)
                .collect();
            if others.is_empty() {
                return None;
            }
            ("observe", text.replace(&line.slot(), &random.one_of(&others).slot()))
        }
        "invented cause" => ("observe", ended(" because a retry loop was deployed.")),
        "invented name" => ("observe", ended(", seen by Northwind Holdings.")),
        "invented date" => ("observe", ended(" since March.")),
        "direction turned round" => {
            let line = lines
                .iter()
                .find(|line| line.as_format("verb").is_some_and(|slot| text.contains(&slot)))?;
            let turned = if line.direction.as_deref() == Some("up") { "fell" } else { "rose" };
            ("observe", text.replace(&line.as_format("verb")?, turned))
        }
        "invented figure" => ("observe", ended(", which is 37 % of the budget.")),
        _ => ("observe", ended(", see https://status.example.com/report.")),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_are_seeded_and_known() {
        let facts = "F1 name: about.feature; {{F1}} will read as (a name: feature)\n\
            F2 money: delta; up; required; {{F2}} will read as $350, {{F2|verb}} will read as rose\n\
            F3 money: cost_after; {{F3}} will read as $1,160\n";
        let request = json!({ "messages": [{ "role": "user", "content": facts }] });
        assert!(said(&request, 1, 0).lies.is_empty());
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..60 {
            let one = said(&request, seed, 100);
            assert_eq!(one.text, said(&request, seed, 100).text);
            for (sentence, fault) in &one.lies {
                assert!(one.text.contains(sentence.as_str()), "{fault}: {}", one.text);
                kinds.insert(*fault);
            }
        }
        assert_eq!(kinds.len(), FAULTS.len(), "{kinds:?}");
    }
}
