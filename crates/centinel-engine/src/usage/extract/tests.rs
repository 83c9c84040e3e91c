//! Bodies from providers' documentation, and what they must become.

mod documented;
mod rejected;
mod shared;
mod streams;
mod wrapped;

use super::*;

/// `usage` and what stands beside it, as one JSON text.
fn shown(extracted: Result<Extraction<'_>, Rejection>) -> String {
    match extracted {
        Ok(found) => {
            let mut text = String::new();
            if let Some(id) = &found.id {
                text.push_str(id.get());
                text.push(' ');
            }
            text.push_str(&found.model);
            for label in [found.service_tier, found.region].into_iter().flatten() {
                text.push('/');
                text.push_str(&label);
            }
            text.push(' ');
            let usage = serde_json::to_string(&found.usage).unwrap();
            text.push_str(&usage.replace("_tokens", "").replace(['"', '{', '}'], ""));
            for other in found.other_models {
                text.push_str(" + ");
                text.push_str(&serde_json::to_string(&other).unwrap());
            }
            text
        }
        Err(Rejection { id, reason }) => {
            id.map_or_else(String::new, |id| format!("{} ", id.get())) + "rejected: " + &reason
        }
    }
}

#[track_caller]
fn check(provider: &str, flavor: &str, body: &str, expected: &str) {
    let flavor = (!flavor.is_empty()).then_some(flavor);
    let mut extractor = Extractor::new(provider, flavor, Some("m")).unwrap();
    assert_eq!(shown(extractor.extract(body)), expected, "{provider} {flavor:?} {body}");
}
