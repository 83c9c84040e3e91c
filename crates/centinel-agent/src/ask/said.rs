//! What is said where no facts answer: sentences of the product, with names in backticks.

use super::{
    Name, Tools,
    reading::{self, Cannot, quoted},
    unknown::Absent,
};

pub(super) fn nothing_found() -> String {
    "Nothing was found.".to_owned()
}

pub(super) fn not_understood(tools: &dyn Tools) -> String {
    let [one, two, three] = reading::examples(tools.names());
    format!(
        "This could not be read as a question about spend. Ask for instance: {one} · {two} · {three}"
    )
}

/// That nothing has a name, and which names are nearest. Never an amount: it would be somebody else's.
pub(super) fn absent(absent: &Absent, tools: &dyn Tools) -> String {
    let Absent { word, dimension } = absent;
    let what = match dimension {
        Some(dimension) => {
            format!("No {} in the data is called {}", shown_kind(dimension), quoted(word))
        }
        None => format!("Nothing in the data is called {}", quoted(word)),
    };
    let mut near: Vec<String> = Vec::new();
    for Name { dimension, value } in tools.nearest(word, dimension.as_deref()) {
        let named = format!("{} {}", shown_kind(&dimension), quoted(&value));
        if !near.contains(&named) {
            near.push(named);
        }
    }
    match near.as_slice() {
        [] => format!("{what}, so there is no figure of it."),
        [only] => format!("{what}, so there is no figure of it. The nearest is {only}."),
        several => {
            format!("{what}, so there is no figure of it. The nearest are {}.", several.join(", "))
        }
    }
}

/// That spend is not recorded by something, and by what it is.
pub(super) fn no_such_part(part: &str, tools: &dyn Tools) -> String {
    let mut by: Vec<String> = Vec::new();
    for name in tools.names() {
        let shown = match name.dimension.as_str() {
            "tag_key" => format!("tag {}", quoted(&name.value)),
            dimension => shown_kind(dimension),
        };
        if !name.dimension.starts_with("tag:") && !by.contains(&shown) {
            by.push(shown);
        }
    }
    format!(
        "Spend cannot be split by {}. Ask for it by {}, day, week or month.",
        quoted(part),
        by.join(", ")
    )
}

/// What questions cannot ask for, and what to ask instead.
pub(super) fn cannot(what: Cannot) -> &'static str {
    match what {
        Cannot::LeaveOut => {
            "A question cannot leave a part out. Ask for the parts, as in: spend by feature last month."
        }
        Cannot::Suppose => {
            "Of what lies ahead, two things can be supposed: another volume, as in “what will this month cost if \
             traffic grows 20 %?”, and another model for one, with both named."
        }
        Cannot::LookBack => {
            "A forecast is of a period with days ahead. Of one that is over, ask what it cost."
        }
        Cannot::CompareKinds => {
            "Kinds of spend can be shown, but not compared. Ask for one period, as in: spend by kind in October."
        }
    }
}

pub(super) fn which(value: &str, choices: &[String], is_of_values: bool) -> String {
    if is_of_values {
        let choices: Vec<String> = choices.iter().map(|choice| quoted(choice)).collect();
        return format!("One {value} at a time: {}?", choices.join(" or "));
    }
    let choices: Vec<String> = choices
        .iter()
        .map(|dimension| format!("{} {}", shown_kind(dimension), quoted(value)))
        .collect();
    format!("{} is the name of more than one thing: {}?", quoted(value), choices.join(" or "))
}

fn shown_kind(dimension: &str) -> String {
    match dimension.strip_prefix("tag:") {
        Some(key) => format!("tag {}", quoted(key)),
        None => dimension.replace('_', " "),
    }
}

/// A refusal as a sentence.
pub(super) fn as_sentence(message: &str) -> String {
    let mut chars = message.trim().trim_end_matches('.').chars();
    let first = chars.next().map_or_else(String::new, |first| first.to_uppercase().collect());
    format!("{first}{}.", chars.as_str())
}
