//! A JSON object in whatever a model wrote around it.

use serde_json::{Deserializer, Value};

/// Most places that are tried: each is read at most to the end of the text.
const PLACES_MAX: usize = 64;

/// The JSON object with this member in a text: alone, in a code fence, after thoughts, before or after
/// prose. The first one that has the member counts, then the first of all.
pub(crate) fn object_with(text: &str, member: &str) -> Option<Value> {
    let text = without_thoughts(text);
    let mut first = None;
    let mut after = 0;
    let places = text.match_indices('{').map(|(place, _)| place);
    let mut tried = 0;
    for place in places {
        // What stands within an object that was read is a part of it.
        if place < after {
            continue;
        }
        if tried == PLACES_MAX {
            break;
        }
        tried += 1;
        let rest = text.get(place..).unwrap_or_default();
        let mut values = Deserializer::from_str(rest).into_iter::<Value>();
        if let Some(Ok(value @ Value::Object(_))) = values.next() {
            after = place.saturating_add(values.byte_offset());
            if value.get(member).is_some() {
                return Some(value);
            }
            first = first.or(Some(value));
        }
    }
    first
}

/// What follows the thoughts that some servers leave in the text.
fn without_thoughts(text: &str) -> &str {
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.rsplit_once("</think>") {
        Some((_, rest)) if text.starts_with("<think>") => rest.trim(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        let found = object_with(text, "sentences").map(|value| value.to_string());
        assert_eq!(found.as_deref(), expect, "{text}");
    }

    #[test]
    fn the_object_is_found() {
        let draft = r#"{"sentences":[{"text":"a } b"}]}"#;
        for text in [
            draft.to_owned(),
            format!("\u{feff} \n{draft}\n"),
            format!("```json\n{draft}\n```"),
            format!("Here it is, by schema {{x}}:\n\n{draft}\n\nI hope {{this}} helps."),
            format!("<think>maybe {{\"sentences\":[]}}?</think>\n{draft}"),
            format!("{{\"note\":{{\"sentences\":1}}}} {draft}"),
        ] {
            check(&text, Some(draft));
        }
        check(r#"{"other":1}"#, Some(r#"{"other":1}"#));
        for text in ["", "no", "{", r#"{"sentences":["#, "[1,2]", "null", &"{".repeat(100_000)] {
            check(text, None);
        }
    }
}
