//! What a stand-in reads of a narrator's prompt: the list of facts, as it is written there.

/// One fact of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// `F7`.
    pub(crate) id: String,
    /// `money`, `name`, `date`, ….
    pub(crate) kind: String,
    /// What it is: `delta`, `effect.tokens_per_call`.
    pub(crate) what: String,
    /// `up`, `down`, `flat`.
    pub(crate) direction: Option<String>,
    pub(crate) is_required: bool,
    pub(crate) is_contribution: bool,
    /// Slots with what each will read as.
    pub(crate) slots: Vec<(String, String)>,
}

impl Line {
    /// The slot that shows it as it is.
    pub(crate) fn slot(&self) -> String {
        format!("{{{{{}}}}}", self.id)
    }

    /// The slot of a format, where it has that.
    pub(crate) fn as_format(&self, format: &str) -> Option<String> {
        let slot = format!("{{{{{}|{format}}}}}", self.id);
        self.slots.iter().any(|(known, _)| *known == slot).then_some(slot)
    }

    /// What it will read as.
    pub(crate) fn shows(&self) -> &str {
        self.slots.first().map_or("", |(_, shows)| shows)
    }
}

/// The facts that a text lists: `F4 money: delta; up; required; {{F4}} will read as $350`.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    text.lines().filter_map(line).collect()
}

fn line(text: &str) -> Option<Line> {
    let (head, slots) = text.split_once("; {{")?;
    let (id, rest) = head.split_once(' ')?;
    let is_id = id
        .strip_prefix('F')
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    let (kind, rest) = rest.split_once(": ")?;
    let mut parts = rest.split("; ");
    let what = parts.next()?.to_owned();
    let marks: Vec<&str> = parts.collect();
    let slots: Vec<(String, String)> = format!("{{{{{slots}")
        .split(", {{")
        .filter_map(|part| {
            let (slot, shows) = part.split_once(" will read as ")?;
            Some((format!("{{{{{}", slot.trim_start_matches("{{")), shows.to_owned()))
        })
        .collect();
    (is_id && !slots.is_empty()).then(|| Line {
        id: id.to_owned(),
        kind: kind.split(" of ").next().unwrap_or(kind).to_owned(),
        what,
        direction: marks
            .iter()
            .find(|mark| ["up", "down", "flat"].contains(mark))
            .map(|mark| (*mark).to_owned()),
        is_required: marks.contains(&"required"),
        is_contribution: marks.contains(&"a contribution"),
        slots,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_facts_is_read() {
        let text = "Facts, one a line.\n\nF1 name: about.feature; {{F1}} will read as (a name: feature)\n\
            F4 money: delta; up; required; {{F4}} will read as $4,148, {{F4|verb}} will read as rose\n\
            F6 count of days: baseline_days; {{F6}} will read as 56\nF7: no fact; {{x\n";
        let read = lines(text);
        assert_eq!(read.len(), 3);
        assert_eq!((read[1].id.as_str(), read[1].kind.as_str()), ("F4", "money"));
        assert!(read[1].is_required && !read[1].is_contribution);
        assert_eq!(read[1].direction.as_deref(), Some("up"));
        assert_eq!(read[1].slots[0], ("{{F4}}".to_owned(), "$4,148".to_owned()));
        assert_eq!(read[1].as_format("verb").as_deref(), Some("{{F4|verb}}"));
        assert_eq!((read[1].as_format("noun"), read[2].kind.as_str()), (None, "count"));
    }
}
