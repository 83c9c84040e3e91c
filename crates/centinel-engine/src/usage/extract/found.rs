//! What was found in a body, before any dialect says what it means.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::field::{Field, Label, Wrapped};

/// Counts above this are no counts of one response: beyond it, JSON writers that use floating point
/// no longer write every whole number.
pub(super) const COUNT_MAX: u64 = (1 << 53) - 1;

/// A count that cannot be one, or counts that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) path: Cow<'static, str>,
    /// What is wrong with it, with the value.
    pub(super) what: String,
}

/// What another model used within the call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Round {
    pub(super) kind: String,
    pub(super) model: Option<String>,
    pub(super) input: u64,
    pub(super) output: u64,
    pub(super) read: u64,
    pub(super) write: u64,
    pub(super) write_1h: u64,
}

/// Counts, texts and wrapped parts of one body; strings are borrowed from it where they can be.
#[derive(Debug)]
pub(super) struct Found<'de> {
    counts: [u64; Field::COUNT],
    present: u128,
    texts: [Option<Cow<'de, str>>; Label::COUNT],
    wrapped: [Option<&'de RawValue>; Wrapped::COUNT],
    pub(super) id: Option<Cow<'de, RawValue>>,
    pub(super) given_id: Option<Cow<'de, RawValue>>,
    /// Whether the body is a line of a batch's output.
    pub(super) is_batch: bool,
    /// Rounds of a Messages call by other models than its own.
    pub(super) rounds: Vec<Round>,
    pub(super) problem: Option<Problem>,
    /// Paths of numbers that are not zero and that no dialect knows.
    pub(super) unknown: Vec<String>,
}

/// Most unknown numbers remembered of one body.
const UNKNOWN_MAX: usize = 32;

impl<'de> Found<'de> {
    pub(super) fn new() -> Self {
        Self {
            counts: [0; Field::COUNT],
            present: 0,
            texts: [const { None }; Label::COUNT],
            wrapped: [None; Wrapped::COUNT],
            id: None,
            given_id: None,
            is_batch: false,
            rounds: Vec::new(),
            problem: None,
            unknown: Vec::new(),
        }
    }

    /// The count of a field; `None` when the body does not state it.
    pub(super) fn get(&self, field: Field) -> Option<u64> {
        if self.has(field) { self.counts.get(field as usize).copied() } else { None }
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.present & bit(field) != 0
    }

    /// Whether any of the fields is stated.
    pub(super) fn has_any(&self, fields: &[Field]) -> bool {
        fields.iter().any(|field| self.has(*field))
    }

    /// Whether no count at all is stated.
    pub(super) fn is_empty(&self) -> bool {
        self.present == 0
    }

    /// The fields that are stated, not zero and not in `read`.
    pub(super) fn unread(&self, read: u128) -> impl Iterator<Item = Field> + '_ {
        let mut left = self.present & !read;
        std::iter::from_fn(move || {
            // By set bits: there are few, and many fields.
            while left != 0 {
                let lowest = usize::try_from(left.trailing_zeros()).unwrap_or(usize::MAX);
                left &= left.wrapping_sub(1);
                if self.counts.get(lowest).is_some_and(|count| *count != 0) {
                    return Field::ALL.get(lowest).copied();
                }
            }
            None
        })
    }

    /// States a count. The same field twice must say the same.
    pub(super) fn set(&mut self, field: Field, count: u64) {
        match self.get(field) {
            Some(before) if before != count => {
                self.problem(field, format!("stated twice, as `{before}` and as `{count}`"));
            }
            _ => self.put(field, count),
        }
    }

    /// Adds to a count that is a sum over a list.
    pub(super) fn add(&mut self, field: Field, count: u64) {
        match self.get(field).unwrap_or(0).checked_add(count) {
            Some(sum) => self.put(field, sum),
            None => self.problem(field, format!("`{count}` more than can be counted")),
        }
    }

    fn put(&mut self, field: Field, count: u64) {
        if count > COUNT_MAX {
            self.problem(field, format!("`{count}`, more than one response can hold"));
        } else if let Some(slot) = self.counts.get_mut(field as usize) {
            *slot = count;
            self.present |= bit(field);
        }
    }

    pub(super) fn problem(&mut self, field: Field, what: String) {
        self.problem_at(Cow::Borrowed(field.path()), what);
    }

    /// Notes what is wrong; the first problem of a body is the one that is reported.
    pub(super) fn problem_at(&mut self, path: Cow<'static, str>, what: String) {
        self.problem.get_or_insert(Problem { path, what });
    }

    pub(super) fn note_unknown(&mut self, path: impl FnOnce() -> String) {
        if self.unknown.len() < UNKNOWN_MAX {
            self.unknown.push(path());
        }
    }

    pub(super) fn text(&self, label: Label) -> Option<&Cow<'de, str>> {
        self.texts.get(label as usize).and_then(Option::as_ref)
    }

    pub(super) fn set_text(&mut self, label: Label, text: Cow<'de, str>) {
        if let Some(slot) = self.texts.get_mut(label as usize)
            && !text.is_empty()
        {
            *slot = Some(text);
        }
    }

    pub(super) fn take_text(&mut self, label: Label) -> Option<Cow<'de, str>> {
        self.texts.get_mut(label as usize).and_then(Option::take)
    }

    /// A wrapped part that is there and not `null`.
    pub(super) fn wrapped(&self, part: Wrapped) -> Option<&'de RawValue> {
        let raw = self.wrapped.get(part as usize).copied().flatten()?;
        (raw.get() != "null").then_some(raw)
    }

    pub(super) fn set_wrapped(&mut self, part: Wrapped, raw: &'de RawValue) {
        if let Some(slot) = self.wrapped.get_mut(part as usize) {
            *slot = Some(raw);
        }
    }

    /// Forgets the counts: another part of the body says them better.
    pub(super) fn forget_counts(&mut self) {
        self.present = 0;
    }

    /// The same without borrowing from the text; wrapped parts, which have been read by then, are
    /// left behind.
    pub(super) fn into_owned(self) -> Found<'static> {
        let owned = |id: Option<Cow<'de, RawValue>>| id.map(|id| Cow::Owned(id.into_owned()));
        Found {
            counts: self.counts,
            present: self.present,
            texts: self.texts.map(|text| text.map(|text| Cow::Owned(text.into_owned()))),
            wrapped: [None; Wrapped::COUNT],
            id: owned(self.id),
            given_id: owned(self.given_id),
            is_batch: self.is_batch,
            rounds: self.rounds,
            problem: self.problem,
            unknown: self.unknown,
        }
    }

    /// Takes over what a later event of the same stream says. Providers repeat their counts
    /// cumulatively, so the largest holds: a proxy that repeats one as zero takes nothing away.
    pub(super) fn update(&mut self, later: &mut Self) {
        for field in Field::ALL {
            if let Some(count) = later.get(field) {
                self.put(field, count.max(self.get(field).unwrap_or(0)));
            }
        }
        for (slot, text) in self.texts.iter_mut().zip(&mut later.texts) {
            if let Some(text) = text.take() {
                *slot = Some(text);
            }
        }
        if !later.rounds.is_empty() {
            self.rounds = std::mem::take(&mut later.rounds);
        }
        self.id = self.id.take().or(later.id.take());
        self.given_id = self.given_id.take().or(later.given_id.take());
        self.is_batch |= later.is_batch;
        if let Some(Problem { path, what }) = later.problem.take() {
            self.problem_at(path, what);
        }
        self.unknown.append(&mut later.unknown);
    }
}

/// One bit a field.
pub(super) const fn bit(field: Field) -> u128 {
    // There are no more fields than bits: `Field::COUNT` is checked below.
    1 << field as u8
}

const _: () = assert!(Field::COUNT <= 128, "a field has one bit of a u128");
