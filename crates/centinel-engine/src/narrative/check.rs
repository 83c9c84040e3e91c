//! Whether a text says only what the facts say: the independent check of everything that is published.
//!
//! The text is read anew, as a person reads it, and nothing about how it was made is trusted. A figure,
//! a name or a date is bound to the fact cited right after it (`$4,147.68 [F1]`); a correct rounding of
//! that fact is true. Words of direction, rank, share or cause need a cited fact that carries them;
//! figures must stand with the names and times that their facts are about; links, HTML, mentions of
//! people, disguised characters and names that no fact has are never verified.
//!
//! Rounding: at least two significant digits, at most 5 % off, within half a unit of the last digit
//! shown (half up and half to even both pass).

mod claims;
mod cover;
mod dates;
mod figure;
mod fit;
mod glyphs;
mod names;
mod pair;
mod roles;
mod scan;
mod sentence;
mod sizes;
mod stranger;
mod words;

use serde::Serialize;

pub use self::cover::missing;

use self::{
    claims::{Claim, Fault},
    names::Names,
    pair::Topic,
    scan::{Item, Kind, Known},
    sentence::Sentence,
};
use crate::facts::{Direction, Fact, FactKind};

/// Longest text that is checked, in characters. What is longer is not verified.
pub const TEXT_MAX: usize = 200_000;

/// What became of a mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A cited fact says so.
    Verified,
    /// A cited fact says otherwise.
    Contradicted,
    /// Nothing that is cited carries it.
    Unverified,
}

/// Something that a text asserts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mention {
    /// As the text has it.
    pub mention: String,
    /// Where it stands: first character and the one after the last, counted in characters.
    pub span: (usize, usize),
    /// What became of it.
    pub status: Status,
    /// The fact that it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fact: Option<String>,
    /// Why it is not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Everything that a Markdown text asserts about facts, in the order of the text.
///
/// A text is true to the facts when every mention is [`Status::Verified`]; one without mentions asserts
/// nothing.
pub fn check(facts: &[Fact], text: &str) -> Vec<Mention> {
    if text.chars().count() > TEXT_MAX {
        let reason = format!("is longer than {TEXT_MAX} characters");
        let mention = text.chars().take(40).collect();
        return vec![Mention {
            mention,
            span: (0, 40),
            status: Status::Unverified,
            fact: None,
            reason: Some(reason),
        }];
    }
    let known =
        Known { ids: facts.iter().map(|fact| fact.id.as_str()).collect(), names: Names::of(facts) };
    let mut reader =
        Reader { facts, known, mentions: Vec::new(), topic: Topic::new(), falls: false };
    for block in glyphs::blocks(text) {
        if !block.continues {
            reader.topic.clear();
            reader.falls = false;
        }
        let items = scan::items(&block, &reader.known);
        for range in sentence::split(&items) {
            reader.sentence(items.get(range).unwrap_or_default(), block.is_heading);
        }
    }
    let mut mentions = reader.mentions;
    disguises(text, &mut mentions);
    mentions.sort_by_key(|mention| (mention.span, mention.status));
    mentions.dedup();
    mentions
}

/// Whether every mention of a text is verified.
pub fn is_verified(mentions: &[Mention]) -> bool {
    mentions.iter().all(|mention| mention.status == Status::Verified)
}

struct Reader<'a> {
    facts: &'a [Fact],
    known: Known<'a>,
    mentions: Vec<Mention>,
    topic: Topic,
    /// What the paragraph was of last fell.
    falls: bool,
}

impl Reader<'_> {
    fn sentence(&mut self, items: &[Item], is_heading: bool) {
        let mut sentence = Sentence::new(items, self.facts, &self.known.names);
        sentence.is_of_a_fall = self.falls;
        if let Some(last) = claims::last_direction(&sentence) {
            self.falls = last == Direction::Down;
        }
        let mut claims = claims::directions(&sentence, self.facts);
        claims.extend(claims::swapped_ranges(&sentence, self.facts));
        claims.extend(claims::causes(&sentence, self.facts));
        claims.extend(sizes::sizes(&sentence, self.facts));
        claims.extend(claims::negations(&sentence, self.facts, &claims));
        claims.extend(pair::names(&sentence, self.facts, &self.known.names, &mut self.topic));
        claims.extend(pair::windows(&sentence, self.facts));
        claims.extend(pair::frames(&sentence, self.facts));
        claims.extend(roles::roles(&sentence, self.facts, &self.known.names));
        for (index, item) in items.iter().enumerate() {
            self.item(&sentence, index, item, is_heading);
        }
        for claim in claims {
            self.claim(items, claim);
        }
    }

    fn item(&mut self, sentence: &Sentence<'_>, index: usize, item: &Item, is_heading: bool) {
        let bound = sentence.fact_of(index).and_then(|fact| self.facts.get(fact));
        if let Some(fact) = bound {
            let fault =
                fit::mention(sentence, index, fact, self.facts).err().map(Fault::Contradicted);
            self.add(item, Some(&fact.id), fault);
            return;
        }
        match &item.kind {
            Kind::Figure(figure) => {
                let meant = self.facts.iter().find(|fact| fit::could_be(figure, fact));
                let reason = match (figure.fault, meant) {
                    (Some(fault), _) => fault.to_owned(),
                    (None, Some(fact)) => {
                        format!("no fact is cited right after it; is it `{}`?", fact.id)
                    }
                    (None, None) => "no fact is cited right after it".to_owned(),
                };
                self.add(item, None, Some(Fault::Unverified(reason)));
            }
            Kind::Date(said) => {
                let carrier = sentence.cited.iter().map(|(fact, _)| *fact).find(|fact| {
                    self.facts.get(*fact).is_some_and(|fact| {
                        let is_date = fact.kind == FactKind::Date
                            && dates::DateKnown::read(&fact.value)
                                .is_some_and(|known| said.fits(known));
                        let is_change = fact.direction.is_some() || fact.kind == FactKind::Ratio;
                        let latest = self
                            .facts
                            .iter()
                            .filter_map(|fact| fact.window)
                            .map(|window| window.end)
                            .max();
                        is_date
                            || fact.window.is_some_and(|window| {
                                said.is_of(&window)
                                    || said.is_relative_of(&window, is_change, latest)
                            })
                    })
                });
                self.carried(item, carrier, "no cited fact has this date");
            }
            Kind::Name(name, is_sure) => {
                let value = self.known.names.value(*name);
                let carrier = sentence.cited.iter().map(|(fact, _)| *fact).find(|fact| {
                    self.facts.get(*fact).is_some_and(|fact| {
                        fact.kind == FactKind::Entity && names::visible(&fact.value) == value
                            || fact.dims.values().any(|known| names::visible(known) == value)
                    })
                });
                if carrier.is_some() || *is_sure {
                    self.carried(item, carrier, "no cited fact is about this name");
                }
            }
            Kind::Stray(what) => {
                self.add(
                    item,
                    None,
                    Some(Fault::Unverified(format!("{what} is carried by no fact"))),
                );
            }
            Kind::Cite(_) => self.citation(sentence, index, item),
            Kind::Word => {
                if let Some(reason) = stranger::stranger(sentence, self.facts, index, is_heading) {
                    self.add(item, None, Some(Fault::Unverified(reason.to_owned())));
                }
            }
            Kind::Pause(_) | Kind::Stop | Kind::Sign(_) => {}
        }
    }

    fn citation(&mut self, sentence: &Sentence<'_>, index: usize, item: &Item) {
        for (fact, _) in sentence.misplaced.iter().filter(|(_, at)| *at == index) {
            if let Some(fact) = self.facts.get(*fact) {
                let reason = format!("it does not stand behind the name that `{}` is", fact.id);
                self.add(item, Some(&fact.id), Some(Fault::Contradicted(reason)));
            }
        }
        if sentence.unknown.contains(&index) {
            let reason = "no fact of the bundle has this id".to_owned();
            self.add(item, None, Some(Fault::Contradicted(reason)));
        }
    }

    fn carried(&mut self, item: &Item, carrier: Option<usize>, otherwise: &str) {
        let id = carrier.and_then(|fact| self.facts.get(fact)).map(|fact| fact.id.clone());
        let fault = id.is_none().then(|| Fault::Unverified(otherwise.to_owned()));
        self.add(item, id.as_deref(), fault);
    }

    fn add(&mut self, item: &Item, fact: Option<&str>, fault: Option<Fault>) {
        self.push(item.text.clone(), (item.from, item.to), fact, fault);
    }

    fn claim(&mut self, items: &[Item], claim: Claim) {
        let said = items.get(claim.from..=claim.to).unwrap_or_default();
        let (Some(first), Some(last)) = (said.first(), said.last()) else { return };
        let text: Vec<&str> = said.iter().map(|item| item.text.as_str()).collect();
        let id = claim.fact.and_then(|fact| self.facts.get(fact)).map(|fact| fact.id.clone());
        self.push(text.join(" "), (first.from, last.to), id.as_deref(), claim.fault);
    }

    fn push(
        &mut self,
        mention: String,
        span: (usize, usize),
        fact: Option<&str>,
        fault: Option<Fault>,
    ) {
        let (status, reason) = match fault {
            None => (Status::Verified, None),
            Some(Fault::Contradicted(reason)) => (Status::Contradicted, Some(reason)),
            Some(Fault::Unverified(reason)) => (Status::Unverified, Some(reason)),
        };
        self.mentions.push(Mention {
            mention,
            span,
            status,
            fact: fact.map(str::to_owned),
            reason,
        });
    }
}

/// Characters that look like others, but in names that are verified.
fn disguises(text: &str, mentions: &mut Vec<Mention>) {
    let found = glyphs::disguises(text);
    let faults: Vec<Mention> = found
        .into_iter()
        .filter(|disguise| {
            !mentions.iter().any(|mention| {
                mention.status == Status::Verified
                    && (mention.span.0..mention.span.1).contains(&disguise.at)
            })
        })
        .map(|disguise| Mention {
            mention: disguise.c.to_string(),
            span: (disguise.at, disguise.at.saturating_add(1)),
            status: Status::Unverified,
            fact: None,
            reason: Some(format!(
                "U+{:04X} is not a character of plain text",
                u32::from(disguise.c)
            )),
        })
        .collect();
    mentions.extend(faults);
}

/// Whether a text has characters that look like others.
pub(super) fn disguised(text: &str) -> bool {
    !glyphs::disguises(text).is_empty()
}

/// The first number in words that a text has, which is not the pronoun `one`.
pub(super) fn number_like(text: &str) -> Option<String> {
    let words: Vec<String> = text
        .to_lowercase()
        .split(|c: char| !(c.is_alphabetic() || c == '-' || c == '\''))
        .map(str::to_owned)
        .collect();
    words.into_iter().find(|word| {
        let parts: Vec<&str> = word.split('-').collect();
        let counts = |part: &&str| {
            !matches!(*part, "one" | "couple")
                && (words::number_word(part).is_some() || words::is_vague_number(part))
        };
        parts.iter().any(counts)
            || matches!(word.as_str(), "percent" | "percentage" | "dozen" | "couple")
    })
}

/// The first date, day, month or relative time that a text has.
pub(super) fn dates_in(text: &str) -> Option<String> {
    let mut before = "in";
    for (at, word) in words_at(text) {
        let rest = text.get(at..).unwrap_or_default();
        if let Some((_, from, to)) = dates::dates_at(rest, before).into_iter().next() {
            return rest.get(from..to).map(str::to_owned);
        }
        before = word;
    }
    None
}

/// The words of a text with the byte where each begins.
fn words_at(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0_usize;
    text.split(' ').map(move |word| {
        let start = at;
        at = at.saturating_add(word.len()).saturating_add(1);
        (start, word)
    })
}

/// Words of a text that look like names; `is_start` where it begins a sentence.
pub(super) fn strangers(text: &str, is_start: bool) -> Vec<String> {
    let known = Known { ids: Vec::new(), names: Names::of(&[]) };
    // A capital is due at the start of a sentence alone.
    let text = if is_start { text.to_owned() } else { format!("x {text}") };
    let mut found = Vec::new();
    for block in glyphs::blocks(&text) {
        let items = scan::items(&block, &known);
        for range in sentence::split(&items) {
            let sentence = Sentence::new(items.get(range).unwrap_or_default(), &[], &known.names);
            let strange = (0..sentence.items.len())
                .filter(|index| stranger::stranger(&sentence, &[], *index, false).is_some());
            found.extend(
                strange.filter_map(|index| sentence.items.get(index)).map(|item| item.text.clone()),
            );
        }
    }
    found
}

/// The first phrase that claims a cause.
pub(super) fn cause_words(lower: &str) -> Option<String> {
    let words: Vec<&str> = lower
        .split(|c: char| !(c.is_alphabetic() || c == '\u{2022}'))
        .filter(|word| !word.is_empty())
        .collect();
    let phrases = words::CAUSES.iter().flat_map(|(_, phrases)| phrases.split('/')).map(str::trim);
    phrases
        .filter(|phrase| {
            let wanted: Vec<&str> = phrase.split_whitespace().collect();
            words.windows(wanted.len().max(1)).any(|here| here == wanted.as_slice())
        })
        .map(str::to_owned)
        .next()
}
