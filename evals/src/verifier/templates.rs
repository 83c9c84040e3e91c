//! True texts of our own: sentences with slots, filled from a bundle.

use centinel_engine::facts::{Bundle, Direction, Fact, FactKind};
use num_traits::Signed as _;

use super::{
    day,
    exact::{Exact, Shown, exact, grouped, plain, ratio},
    names,
};

const TEMPLATES: &str = include_str!("../../verifier/templates.txt");
const ORDINALS: [&str; 6] = [
    "largest",
    "second-largest",
    "third-largest",
    "fourth-largest",
    "fifth-largest",
    "sixth-largest",
];

/// Every template that suits a bundle, filled. Without roles, those that need to know what a fact is a part
/// of are left out.
pub(crate) fn texts(bundle: &Bundle, has_roles: bool) -> Vec<String> {
    templates()
        .filter(|(question, template)| {
            *question == bundle.question && (has_roles || !template.starts_with('!'))
        })
        .filter_map(|(_, template)| filled(bundle, template.trim_start_matches('!')))
        .collect()
}

fn templates() -> impl Iterator<Item = (&'static str, &'static str)> {
    TEMPLATES
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.split_once(": "))
}

fn filled(bundle: &Bundle, template: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (slot, after) = after.split_once('}')?;
        let (role, form) = slot.split_once('|').unwrap_or((slot, ""));
        let fact = bundle.fact(role)?;
        text.push_str(before);
        text.push_str(&match words(form) {
            Some(words) => word(fact, words)?.to_owned(),
            None => mention(fact, form)?,
        });
        rest = after;
    }
    text.push_str(rest);
    Some(text.replace("\\n", "\n"))
}

/// The words of a rise and a fall; none of forms that are not words.
fn words(form: &str) -> Option<[&'static str; 2]> {
    Some(match form {
        "verb" => ["rose", "fell"],
        "increased" => ["increased", "decreased"],
        "verbnoun" => ["rise", "fall"],
        "up" => ["up", "down"],
        "more" => ["more", "less"],
        "higher" => ["higher", "lower"],
        _ => return None,
    })
}

/// The word of a fact's direction, where it has one.
fn word(fact: &Fact, [up, down]: [&'static str; 2]) -> Option<&'static str> {
    match fact.direction? {
        Direction::Up => Some(up),
        Direction::Down => Some(down),
        Direction::Flat => None,
    }
}

/// A fact in a form, with its citation.
fn mention(fact: &Fact, form: &str) -> Option<String> {
    let shown = match fact.kind {
        FactKind::Entity => name(&fact.value, form)?,
        FactKind::Date => date(&fact.value, form)?,
        FactKind::Money => money(fact, form)?,
        FactKind::Percent => percent(fact, form)?,
        FactKind::Points => format!("{} points", signed(fact, form, 1)?),
        FactKind::Ratio => ratio_word(fact, form)?,
        FactKind::Rank => rank(fact, form)?,
        FactKind::Count | FactKind::Duration => count(fact, form)?,
    };
    Some(format!("{shown} [{}]", fact.id))
}

fn name(value: &str, form: &str) -> Option<String> {
    let plain: String = value.chars().filter(|c| !c.is_control()).collect();
    Some(match form {
        "" => names::escaped(value),
        "bold" => format!("**{}**", names::escaped(value)),
        // Backticks around a name that has some would end early.
        "code" if !plain.contains('`') => format!("`{plain}`"),
        _ => return None,
    })
}

fn date(value: &str, form: &str) -> Option<String> {
    let date = day::of_value(value)?;
    if form == "month" {
        return Some(format!("{} {}", day::MONTHS[date.month() as usize - 1], date.year()));
    }
    day::written(date, if form.is_empty() { "iso" } else { form })
}

fn sign(value: &Exact, form: &str) -> &'static str {
    match form {
        "abs" | "absint" | "absw" => "",
        _ if value.is_negative() => "−",
        "signed" if value.is_positive() => "+",
        _ => "",
    }
}

/// Decimals that show an amount as the product does: two, below ten cents three significant digits.
fn places(value: &Exact) -> u32 {
    let (mut places, mut size) = (2, value.abs() * ratio(10, 1));
    while size < ratio(1, 1) && size.is_positive() && places < 12 {
        places += 1;
        size *= ratio(10, 1);
    }
    if places > 2 { (places + 1).min(12) } else { 2 }
}

fn money(fact: &Fact, form: &str) -> Option<String> {
    let value = exact(&fact.value)?;
    let currency = fact.currency?.to_string();
    let size = value.abs();
    let digits = match form {
        "int" | "absint" => grouped(&plain(&size, 0)),
        "k1" => format!("{}k", plain(&(&size / ratio(1_000, 1)), 1)),
        "m1" => format!("{}M", plain(&(&size / ratio(1_000_000, 1)), 1)),
        "words" => format!("{} million", plain(&(&size / ratio(1_000_000, 1)), 1)),
        "" | "signed" | "abs" | "code" => grouped(&plain(&size, places(&size))),
        _ => return None,
    };
    is_rounding(&digits, &size).then_some(())?;
    let sign = sign(&value, form);
    Some(match currency.as_str() {
        "USD" if form == "code" => format!("{sign}USD {digits}"),
        "USD" => format!("{sign}${digits}"),
        "EUR" if form == "int" => format!("{sign}€{digits}"),
        "GBP" if form == "int" => format!("{sign}£{digits}"),
        _ if form == "code" => format!("{sign}{currency} {digits}"),
        _ => format!("{sign}{digits} {currency}"),
    })
}

fn is_rounding(digits: &str, size: &Exact) -> bool {
    let (number, power) = if let Some(number) = digits.strip_suffix('k') {
        (number, 3)
    } else if let Some(number) = digits.strip_suffix('M') {
        (number, 6)
    } else if let Some(number) = digits.strip_suffix(" million") {
        (number, 6)
    } else {
        (digits, 0)
    };
    Shown::read(number, power).is_some_and(|shown| shown.rounds(size))
}

fn signed(fact: &Fact, form: &str, places: u32) -> Option<String> {
    let value = exact(&fact.value)?;
    let digits = grouped(&plain(&value.abs(), places));
    is_rounding(&digits, &value.abs()).then(|| format!("{}{digits}", sign(&value, form)))
}

fn percent(fact: &Fact, form: &str) -> Option<String> {
    let value = exact(&fact.value)?;
    let places = u32::from(!value.is_integer());
    match form {
        "mostof" => (value > ratio(50, 1)).then(|| "Most".to_owned()),
        "words" | "absw" => Some(format!("{} percent", signed(fact, form, places)?)),
        "tight" => Some(format!("{}%", signed(fact, form, places)?)),
        "" | "signed" | "abs" => Some(format!("{} %", signed(fact, form, places)?)),
        _ => None,
    }
}

fn ratio_word(fact: &Fact, form: &str) -> Option<String> {
    let value = exact(&fact.value)?;
    match form {
        "times" if value == ratio(2, 1) => Some("doubled".to_owned()),
        "times" if value == ratio(3, 1) => Some("tripled".to_owned()),
        "times" if value == ratio(1, 2) => Some("halved".to_owned()),
        "x" => {
            let digits = plain(&value, 2).trim_end_matches('0').trim_end_matches('.').to_owned();
            Some(format!("{digits}x"))
        }
        _ => None,
    }
}

fn rank(fact: &Fact, form: &str) -> Option<String> {
    let rank: usize = fact.value.parse().ok()?;
    match form {
        "word" => ORDINALS.get(rank.checked_sub(1)?).map(|word| (*word).to_owned()),
        "hash" => Some(format!("#{rank}")),
        _ => None,
    }
}

fn count(fact: &Fact, form: &str) -> Option<String> {
    let value = exact(&fact.value)?;
    let digits = match form {
        "k1" => format!("{}k", plain(&(value.abs() / ratio(1_000, 1)), 1)),
        "m1" => format!("{}M", plain(&(value.abs() / ratio(1_000_000, 1)), 1)),
        "" => grouped(&plain(&value.abs(), u32::from(!value.is_integer()))),
        _ => return None,
    };
    is_rounding(&digits, &value.abs()).then_some(())?;
    let unit = fact.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
    Some(format!("{}{digits}{unit}", sign(&value, form)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifier::{cited, cited::Reading, simple};

    #[test]
    fn every_template_is_filled_somewhere_and_every_mention_is_read_as_true() {
        let mut bundles = simple::bundles(5, 240).unwrap();
        bundles.extend(crate::verifier::worlds::bundles(&[1], 24).unwrap());
        let mut used = vec![0; templates().count()];
        for (name, bundle) in &bundles {
            for (index, (question, template)) in templates().enumerate() {
                if question != bundle.question {
                    continue;
                }
                let Some(text) = filled(bundle, template.trim_start_matches('!')) else { continue };
                used[index] += 1;
                for cited in cited::read(&text, &bundle.facts) {
                    let fact = &bundle.facts[cited.fact];
                    let is_true = match &cited.reading {
                        Reading::Figure(figure) => figure.may_be(&text, fact),
                        Reading::Day(read) => read.is(&text, day::of_value(&fact.value).unwrap()),
                        Reading::Name => true,
                        // Words.
                        Reading::Other => matches!(
                            fact.kind,
                            FactKind::Rank | FactKind::Ratio | FactKind::Percent
                        ),
                    };
                    assert!(is_true, "{name}: {cited:?} of {fact:?} in {text}");
                }
            }
        }
        let unused: Vec<_> = templates().zip(&used).filter(|(_, used)| **used == 0).collect();
        assert!(unused.is_empty(), "{unused:?}");
    }
}
