//! Records inside documents: the results of an API's page, the events of a log, the rows of a table.
//!
//! A format says how a document splits into records and what a record becomes; framing, positions,
//! rejections and progress are the same for all.

use std::{borrow::Cow, collections::HashSet, io::Read};

use centinel_engine::{
    focus::{Charge, ChargeCategory},
    money::{Currency, Decimal},
    period::Period,
    series::{Dimension, Labels},
    usage::Call,
};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::{
    calls::{Field, check_header, guess_owner, is_null, normalize, note_open_end},
    csv_rows::{CsvRows, sniff_delimiter},
    fields::Fields,
    finding::Findings,
    input::Input,
    json,
    json_rows::JsonRows,
    read::{Intake, Options, ReadError},
    sink::Position,
};

/// What a record became.
pub(crate) enum Output {
    /// A model call, or a report's sum of several.
    Call(Call),
    /// A charge.
    Charge(Charge),
}

/// A record within a document.
pub(crate) struct Piece<'d> {
    /// As it is written in the document, or as the text that it is written as there.
    pub(crate) text: Cow<'d, str>,
    /// The time bucket that it stands in, or why it stands in none.
    pub(crate) bucket: Result<Option<Period>, String>,
}

impl<'d> From<&'d str> for Piece<'d> {
    fn from(text: &'d str) -> Self {
        Self { text: Cow::Borrowed(text), bucket: Ok(None) }
    }
}

impl From<String> for Piece<'_> {
    fn from(text: String) -> Self {
        Self { text: Cow::Owned(text), bucket: Ok(None) }
    }
}

/// What a record is read with.
pub(crate) struct Record<'r> {
    /// As it is written; of a table nothing.
    pub(crate) text: &'r str,
    /// Its leaves.
    pub(crate) fields: &'r Fields,
    /// Its number in the input.
    pub(crate) row: u64,
    /// The time bucket that it stands in.
    pub(crate) bucket: Option<Period>,
    /// How to read.
    pub(crate) options: &'r Options,
    /// Where remarks go.
    pub(crate) findings: &'r mut Findings,
    /// Where calls and charges go. A record that becomes nothing says why in a finding.
    pub(crate) out: &'r mut Vec<Output>,
}

/// A format of records.
pub(crate) trait Records {
    /// Splits a document into records. By default a document is a record, or holds them in `data`.
    ///
    /// # Errors
    ///
    /// Why the document holds no records.
    fn split<'d>(
        &mut self,
        document: &'d str,
        _findings: &mut Findings,
    ) -> Result<Vec<Piece<'d>>, String> {
        data_or_self(document)
    }

    /// Reads one record.
    ///
    /// # Errors
    ///
    /// The reason, naming path and value. Nothing of the record is kept then.
    fn read(&mut self, record: Record<'_>) -> Result<(), String>;

    /// Hands out what was held back, when the input is over.
    fn finish(&mut self, _findings: &mut Findings, _out: &mut Vec<(Position, Output)>) {}
}

/// The records in `data`, or the document itself where it has none.
pub(crate) fn data_or_self(document: &str) -> Result<Vec<Piece<'_>>, String> {
    #[derive(serde::Deserialize)]
    #[serde(expecting = "a JSON object")]
    struct Page<'a> {
        #[serde(borrow, default)]
        data: Option<&'a RawValue>,
    }
    let page: Page<'_> = serde_json::from_str(document).map_err(|error| json::reason(&error))?;
    match page.data {
        Some(data) if data.get().starts_with('[') => elements(data.get()),
        _ => Ok(vec![Piece::from(document)]),
    }
}

/// The elements of an array, each as it is written.
pub(crate) fn elements(array: &str) -> Result<Vec<Piece<'_>>, String> {
    let elements: Vec<&RawValue> =
        serde_json::from_str(array).map_err(|error| json::reason(&error))?;
    Ok(elements.into_iter().map(|element| Piece::from(element.get())).collect())
}

/// Reads documents.
pub(crate) fn read_documents<R: Read>(
    input: &mut Input<R>,
    options: &Options,
    format: &mut impl Records,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let (mut fields, mut out, mut row) = (Fields::default(), Vec::new(), 0);
    let mut documents = JsonRows::documents(input)?;
    while let Some(document) = documents.next()? {
        let place = document.position;
        let split = document
            .text
            .and_then(|text| format.split(text, &mut intake.findings).map(|pieces| (text, pieces)));
        match split {
            Err(reason) => {
                row += 1;
                intake.reject(Position { row, ..place }, reason, document.raw)?;
            }
            Ok((text, pieces)) => {
                let mut lines = Lines::new(text, place);
                for piece in pieces {
                    row += 1;
                    let piece_text = piece.text.as_ref();
                    let at = Position { row, ..lines.place(piece_text) };
                    fields.clear();
                    out.clear();
                    let read = piece.bucket.and_then(|bucket| {
                        fields.add_object(piece_text, "")?;
                        format.read(Record {
                            text: piece_text,
                            fields: &fields,
                            row,
                            bucket,
                            options,
                            findings: &mut intake.findings,
                            out: &mut out,
                        })
                    });
                    match read {
                        Ok(()) => emit(at, &mut out, options, intake)?,
                        Err(reason) => intake.reject(at, reason, piece_text.as_bytes())?,
                    }
                }
            }
        }
        intake.progress(documents.offset());
    }
    finish(format, options, intake)
}

/// Reads the rows of a table, a column a path; a column of JSON text is taken apart.
pub(crate) fn read_table<R: Read>(
    input: &mut Input<R>,
    options: &Options,
    format: &mut impl Records,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    input.skip_byte_order_mark()?;
    let delimiter = sniff_delimiter(input.peek(1 << 16)?);
    let mut rows = CsvRows::new(input, delimiter);
    let names = rows.header()?;
    check_header(&names)?;
    let (mut fields, mut out) = (Fields::default(), Vec::new());
    while let Some(row) = rows.next()? {
        fields.clear();
        out.clear();
        let read = row.values.and_then(|values| {
            for (index, name) in names.iter().enumerate() {
                let value = values.get(index);
                if !is_null(value) {
                    fields.add_column(name, value);
                }
            }
            format.read(Record {
                text: "",
                fields: &fields,
                row: row.position.row,
                bucket: None,
                options,
                findings: &mut intake.findings,
                out: &mut out,
            })
        });
        match read {
            Ok(()) => emit(row.position, &mut out, options, intake)?,
            Err(reason) => intake.reject(row.position, reason, row.raw)?,
        }
        intake.progress(rows.offset());
    }
    note_open_end(&rows, intake);
    finish(format, options, intake)
}

fn emit(
    at: Position,
    out: &mut Vec<Output>,
    options: &Options,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    for output in out.drain(..) {
        match output {
            Output::Call(mut call) => {
                set_stated(&mut call, options);
                intake.call(&at, &call)?;
            }
            Output::Charge(charge) => intake.charge(&at, &charge)?,
        }
    }
    Ok(())
}

fn finish(
    format: &mut impl Records,
    options: &Options,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let mut held = Vec::new();
    format.finish(&mut intake.findings, &mut held);
    for (at, output) in held {
        emit(at, &mut vec![output], options, intake)?;
    }
    Ok(())
}

/// Where the pieces of a document stand. Pieces come in their order.
struct Lines<'d> {
    document: &'d str,
    place: Position,
    counted: usize,
    line: u64,
}

impl<'d> Lines<'d> {
    fn new(document: &'d str, place: Position) -> Self {
        Self { document, place, counted: 0, line: place.line }
    }

    fn place(&mut self, piece: &str) -> Position {
        // A piece that is borrowed from its document stands where their addresses say.
        let start = piece.as_ptr().addr().wrapping_sub(self.document.as_ptr().addr());
        let Some(between) = self.document.as_bytes().get(self.counted..start) else {
            return Position { line: self.line, ..self.place };
        };
        self.line += memchr::memchr_iter(b'\n', between).count() as u64;
        self.counted = start;
        Position { line: self.line, offset: self.place.offset + start as u64, ..self.place }
    }
}

/// An id for a record that has none, from what makes it the one it is: the same record of a report
/// that is fetched again has the same id. Bounded, whatever the parts are.
pub(crate) fn natural_id(kind: &str, parts: &[&str]) -> String {
    let mut sha = Sha256::new();
    for part in parts {
        // The length keeps `ab`, `c` and `a`, `bc` apart.
        sha.update((part.len() as u64).to_le_bytes());
        sha.update(part.as_bytes());
    }
    let mut id = format!("{kind}:");
    for byte in sha.finalize().iter().take(16) {
        // Writing to a String cannot fail.
        let _ = std::fmt::Write::write_fmt(&mut id, format_args!("{byte:02x}"));
    }
    id
}

/// Tells apart equal records of one page: the second with one id is another row, not the first again.
#[derive(Default)]
pub(crate) struct PageIds(HashSet<String>);

impl PageIds {
    /// Forgets the page.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The id, or the id with its number within the page.
    pub(crate) fn unique(&mut self, id: String) -> String {
        if self.0.insert(id.clone()) {
            return id;
        }
        let mut number = 2_u32;
        loop {
            let next = format!("{id}#{number}");
            if self.0.insert(next.clone()) {
                return next;
            }
            number = number.saturating_add(1);
        }
    }
}

/// Sets what an application says about its call: the keys that name an owner, the better name first,
/// and the tags on the allow-list. Other keys stay where they are.
pub(crate) fn set_owners<'t>(
    labels: &mut Labels,
    pairs: impl Iterator<Item = (&'t str, &'t str)>,
    options: &Options,
) {
    let mut best: Vec<(Dimension, u8)> = Vec::new();
    for (key, value) in pairs {
        let normal = normalize(key);
        if let Some(tag) = options.tags.iter().find(|tag| normalize(tag) == normal) {
            labels.set(Dimension::Tag(tag.as_str().into()), value);
        } else if let Some((dimension, rank)) = guess_owner(key) {
            let known = best.iter_mut().find(|(other, _)| *other == dimension);
            match known {
                Some((_, known)) if *known <= rank => continue,
                Some((_, known)) => *known = rank,
                None if labels.get(&dimension).is_some() => continue,
                None => best.push((dimension.clone(), rank)),
            }
            labels.set(dimension, value);
        }
    }
}

/// What the import states for every row.
pub(crate) fn stated<'o>(options: &'o Options, dimension: &Dimension) -> Option<&'o str> {
    let is_it = |field: &Field| matches!(field, Field::Label(label) if label == dimension);
    let (_, value) = options.set.iter().find(|(field, _)| is_it(field))?;
    Some(value)
}

/// Sets what the import states for every row, whatever the row says.
fn set_stated(call: &mut Call, options: &Options) {
    for (field, value) in &options.set {
        match field {
            Field::Label(dimension) => call.labels.set(dimension.clone(), value),
            Field::Customer => call.customer = Some(value.clone()),
            _ => {}
        }
    }
}

/// Whether cached tokens (or other parts) stand beside their base, as a total tells; `None` where it
/// does not.
pub(crate) fn is_disjoint_total(total: Option<u64>, base: u64, parts: u64) -> Option<bool> {
    let total = total.filter(|_| parts > 0)?;
    if total == base {
        return Some(false);
    }
    (Some(total) == base.checked_add(parts)).then_some(true)
}

/// A charge of a report: what is billed is what it costs, and nothing else is known of it.
pub(crate) fn reported_charge(
    period: Period,
    amount: Decimal,
    currency: Currency,
    provider: &str,
) -> Charge {
    let mut labels = Labels::default();
    labels.set(Dimension::Provider, provider);
    labels.set(Dimension::Currency, currency.as_str());
    labels.set(Dimension::ChargeCategory, ChargeCategory::Usage.name());
    Charge {
        labels,
        billed_cost: amount,
        effective_cost: amount,
        ..Charge::new(period, ChargeCategory::Usage, currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_parts() {
        let id = |parts: &[&str]| natural_id("k", parts);
        assert_eq!(id(&["a", "b"]), id(&["a", "b"]));
        assert_ne!(id(&["ab", "c"]), id(&["a", "bc"]));
        let mut page = PageIds::default();
        let ids: Vec<_> = ["x", "x", "y", "x"].map(|id| page.unique(id.to_owned())).into();
        assert_eq!(ids, ["x", "x#2", "y", "x#3"]);
    }

    #[test]
    fn owners_and_allowed_tags_become_dimensions() {
        let mut labels = Labels::default();
        let pairs = [
            ("squad", "late"),
            ("team", "search"),
            ("job", "7"),
            ("cost_center", "42"),
            ("model", "gpt"),
        ];
        set_owners(&mut labels, pairs.into_iter(), &Options::default());
        let found: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(found, ["team=search", "tag:cost-center=42"]);
    }
}
