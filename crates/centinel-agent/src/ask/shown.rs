//! What a model is shown of the answers: fact lines, by answer, with names behind aliases.

use std::{collections::BTreeSet, fmt::Write as _};

use centinel_engine::facts::Bundle;

use super::names::Aliases;
use crate::{Gates, Sheet, narrator::Judge as _, sheet::Entry};

/// One answer's facts, as they are named in the union of all.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The tool.
    pub(super) tool: String,
    /// Its facts.
    pub(super) bundle: Bundle,
}

/// The facts of all answers: each once, with the number of its answer before what it is.
pub(super) fn sheet(parts: &[Part], aliases: &mut Aliases) -> Sheet {
    let mut all = Sheet::default();
    let mut seen = BTreeSet::new();
    for (number, part) in (1_u32..).zip(parts) {
        let of_part = part_sheet(&part.bundle, aliases);
        all.is_provisional |= of_part.is_provisional;
        let mut add = |to: &mut Vec<Entry>, from: Vec<Entry>| {
            for mut entry in from {
                if seen.insert(entry.id.clone()) {
                    if parts.len() > 1 {
                        entry.what = format!("answer {number} {}", entry.what);
                    }
                    to.push(entry);
                }
            }
        };
        add(&mut all.names, of_part.names);
        add(&mut all.figures, of_part.figures);
        add(&mut all.dates, of_part.dates);
    }
    all
}

/// A bundle's facts, a line each, for the message that answers a call.
pub(super) fn lines(bundle: &Bundle, aliases: &mut Aliases, has_ids: bool) -> String {
    let Sheet { names, figures, dates, is_provisional } = part_sheet(bundle, aliases);
    let mut text = String::new();
    for entry in names.iter().chain(&figures).chain(&dates) {
        let shows = entry.slots.first().map_or("", |slot| slot.shows.as_str());
        let id = if has_ids { format!("{} ", entry.id) } else { String::new() };
        // Writing to a String cannot fail.
        let _ = write!(text, "{id}{}", entry.what);
        if let Some(direction) = entry.direction {
            let _ = write!(text, " ({})", format!("{direction:?}").to_lowercase());
        }
        let _ = writeln!(text, ": {shows}");
    }
    if is_provisional {
        text.push_str("Some of these figures are provisional.\n");
    }
    text
}

/// The sheet of one bundle: names say their alias.
fn part_sheet(bundle: &Bundle, aliases: &mut Aliases) -> Sheet {
    let mut sheet = Gates::new(bundle, "").sheet();
    for entry in &mut sheet.names {
        let Some(fact) = bundle.facts.iter().find(|fact| fact.id == entry.id) else { continue };
        let shows = match aliases.of_fact(fact) {
            Some(alias) => {
                let kind = aliases.kind(&alias).unwrap_or_default();
                format!("{alias}, a name: {kind}")
            }
            // Ours: it may be read, and given to a tool.
            None => format!("{}, a word of ours", fact.value),
        };
        for slot in &mut entry.slots {
            slot.shows.clone_from(&shows);
        }
    }
    sheet
}
