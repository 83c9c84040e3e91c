//! Exported logs: the lines of a file, and their check without a database.

use serde::{Deserialize, Serialize};

use super::{
    AuditEntry, AuditFault, EntryFilter, Knowledge, LogCheck, PublishedHead, RawSignature,
    SignedHead, Verification, filtered_after, signing,
};
use crate::{Database, StoreError};

/// A line of an export: entries first, then signatures, then the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ExportLine {
    /// An entry.
    Entry(AuditEntry),
    /// A signature of one of them.
    Signature {
        /// As it is published.
        signature: SignedHead,
    },
    /// The last line.
    End(ExportEnd),
}

/// The last line of an export: a file without it was cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportEnd {
    /// Where the log ended, signed if it could be.
    pub head: String,
    /// How many entries the file has.
    pub entries: i64,
    /// Whether these are all.
    pub complete: bool,
}

/// Writes an export line by line: all entries that a filter lets through up to the present head, the
/// signatures of a whole log, the end.
///
/// # Errors
///
/// [`StoreError::Corrupt`] at an entry that is not as it was written; what `write` fails with.
pub async fn export<E: From<StoreError>>(
    database: &Database,
    filter: &EntryFilter,
    published: &PublishedHead,
    mut write: impl FnMut(&ExportLine) -> Result<(), E>,
) -> Result<(), E> {
    let last = published.head().sequence;
    let (mut after, mut entries) = (0, 0_i64);
    'pages: loop {
        let page = filtered_after(database, after, filter).await?;
        let Some(end) = page.last() else { break };
        after = end.sequence;
        for entry in page {
            if entry.sequence > last {
                break 'pages;
            }
            entries = entries.saturating_add(1);
            write(&ExportLine::Entry(entry))?;
        }
    }
    if filter.is_everything() {
        for signature in signing::signatures(database).await? {
            if signature.sequence <= last {
                let signed = signature.parsed().ok_or_else(|| StoreError::Corrupt {
                    what: "audit signature",
                    id: signature.sequence.to_string(),
                    reason: "it is none".to_owned(),
                })?;
                write(&ExportLine::Signature { signature: signed })?;
            }
        }
    }
    let head = published.to_string();
    write(&ExportLine::End(ExportEnd { head, entries, complete: filter.is_everything() }))
}

/// The check of an exported file, line by line.
#[derive(Debug)]
pub struct FileCheck<'k> {
    // Whether it is a whole log stands in the last line, so both are checked until then.
    whole: LogCheck<'k>,
    part: LogCheck<'k>,
    entries: i64,
    signatures: Vec<RawSignature>,
    end: Option<ExportEnd>,
}

impl<'k> FileCheck<'k> {
    /// Begins.
    pub fn new(known: &'k Knowledge) -> Self {
        Self {
            whole: LogCheck::new(known),
            part: LogCheck::of_a_part(known),
            entries: 0,
            signatures: Vec::new(),
            end: None,
        }
    }

    /// Takes the next line.
    ///
    /// # Errors
    ///
    /// In words, when it is no line of an export, or stands where none belongs. A line whose content
    /// was changed is no error but a fault.
    pub fn take(&mut self, line: &str) -> Result<(), String> {
        if self.end.is_some() {
            return Err("a line after the last one".to_owned());
        }
        let read: ExportLine =
            serde_json::from_str(line).map_err(|_| "no line of an audit export".to_owned())?;
        // Spaces, other orders and keys given twice say something else to other readers.
        let is_as_written = serde_json::to_string(&read).is_ok_and(|text| text == line);
        match read {
            ExportLine::Entry(_) if !self.signatures.is_empty() => {
                return Err("an entry after the signatures".to_owned());
            }
            ExportLine::Entry(entry) => {
                self.entries = self.entries.saturating_add(1);
                if !is_as_written {
                    let fault = AuditFault::Changed { sequence: entry.sequence };
                    self.whole.note(fault.clone());
                    self.part.note(fault);
                }
                let raw = entry.to_raw().map_err(|error| error.to_string())?;
                self.whole.take(&raw);
                self.part.take(&raw);
            }
            ExportLine::Signature { signature } => {
                self.signatures.push(RawSignature::from(&signature));
            }
            ExportLine::End(end) => self.end = Some(end),
        }
        Ok(())
    }

    /// What was found.
    ///
    /// # Errors
    ///
    /// In words, when the last line is missing, or states what the file is not.
    pub fn finish(self) -> Result<Verification, String> {
        let Self { mut whole, part, entries, signatures, end } = self;
        let last = whole.last().sequence;
        let end = end.ok_or_else(|| format!("the file is cut: no last line after entry {last}"))?;
        if end.entries != entries {
            return Err(format!(
                "the last line states {} entries, and there are {entries}",
                end.entries
            ));
        }
        if !end.complete {
            return Ok(part.finish(&[]));
        }
        let stated: PublishedHead = end.head.parse()?;
        if stated.head() != whole.last() {
            whole.note(AuditFault::Truncated { expected: stated.head().sequence, found: last });
        }
        Ok(whole.finish(&signatures))
    }
}
