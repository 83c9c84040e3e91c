//! CSV rows with their position and text, bounded, and recovering after an unclosed quote.
//!
//! Rows without quotes are split where they stand; the others go through `csv-core`. A row that
//! spans lines and does not have the header's number of fields has a stray quote: only its first
//! line is rejected, and reading goes on at the next one.

use std::{
    io::Read,
    ops::{DerefMut, Range},
};

use csv_core::ReadRecordResult;

use crate::{
    input::{Input, ROW_BYTES_MAX},
    read::ReadError,
    sink::Position,
};

/// Bytes that may be read again after unclosed quotes, over the whole input.
const REREAD_BYTES_MAX: usize = 1 << 28;

/// The fields of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    text: &'a str,
    spans: &'a [Range<usize>],
}

impl<'a> Values<'a> {
    pub(crate) fn new(text: &'a str, spans: &'a [Range<usize>]) -> Self {
        Self { text, spans }
    }

    /// A field, trimmed; empty when there is none.
    pub(crate) fn get(&self, index: usize) -> &'a str {
        self.spans
            .get(index)
            .and_then(|span| self.text.get(span.clone()))
            .map_or("", str::trim_ascii)
    }

    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The same row, with the first byte left out of the fields that `is_marked` (which sees position
    /// and text, and marks only what starts with an ASCII character). `spans` is a buffer.
    pub(crate) fn without_first_byte(
        self,
        spans: &'a mut Vec<Range<usize>>,
        is_marked: impl Fn(usize, &str) -> bool,
    ) -> Self {
        spans.clear();
        spans.extend(self.spans.iter().enumerate().map(|(index, span)| {
            let text = self.text.get(span.clone()).unwrap_or_default();
            if is_marked(index, text) { span.start + 1..span.end } else { span.clone() }
        }));
        Self { text: self.text, spans }
    }
}

/// One row: its fields, or why it has none.
pub(crate) struct CsvRow<'a> {
    pub(crate) position: Position,
    pub(crate) raw: &'a [u8],
    pub(crate) values: Result<Values<'a>, String>,
}

/// Frames the rows of an input, borrowed or its own; the first one is the header.
pub(crate) struct CsvRows<I> {
    input: I,
    // Made for the first row with quotes: its state table takes longer than a short input.
    core: Option<csv_core::Reader>,
    delimiter: u8,
    // Fields of the header; 0 before it was read.
    width: usize,
    row: u64,
    line: u64,
    // Bytes of the last row handed out, consumed on the next call.
    pending: usize,
    pending_lines: u64,
    unquoted: Vec<u8>,
    ends: Vec<usize>,
    spans: Vec<Range<usize>>,
    reread: usize,
    // Whether the last row read ended with the input, not with a line end.
    is_open_ended: bool,
}

/// What lies at the start of the window.
enum Frame {
    /// A row without quotes, of this many bytes with and without its line end.
    Plain {
        bytes: usize,
        content: usize,
    },
    /// A row with quotes or lone carriage returns.
    Quoted,
    TooLong,
    End,
}

/// A row that `csv-core` split: bytes read, bytes and field ends written.
struct Split {
    read: usize,
    written: usize,
    ended: usize,
    is_closed: bool,
}

impl<I> CsvRows<I> {
    /// Whether the input ended without a line end, as a file does that was cut.
    pub(crate) fn is_open_ended(&self) -> bool {
        self.is_open_ended
    }
}

impl<R: Read, I: DerefMut<Target = Input<R>>> CsvRows<I> {
    pub(crate) fn new(input: I, delimiter: u8) -> Self {
        Self {
            input,
            core: None,
            delimiter,
            width: 0,
            row: 0,
            line: 1,
            pending: 0,
            pending_lines: 0,
            unquoted: Vec::new(),
            ends: Vec::new(),
            spans: Vec::new(),
            reread: 0,
            is_open_ended: false,
        }
    }

    /// Reads the header: names as they stand, trimmed.
    pub(crate) fn header(&mut self) -> Result<Vec<String>, ReadError> {
        self.input.skip_byte_order_mark()?;
        let names = match self.next()? {
            None => return Err(ReadError::Empty),
            Some(CsvRow { values: Err(reason), .. }) => return Err(ReadError::Header { reason }),
            Some(CsvRow { values: Ok(values), .. }) => {
                (0..values.len()).map(|index| values.get(index).to_owned()).collect::<Vec<_>>()
            }
        };
        self.row = 0;
        self.width = names.len();
        Ok(names)
    }

    /// Bytes read so far.
    pub(crate) fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// The next row, blank lines left out.
    pub(crate) fn next<'a>(&'a mut self) -> Result<Option<CsvRow<'a>>, ReadError>
    where
        R: 'a,
    {
        loop {
            self.input.consume(self.pending);
            self.line += self.pending_lines;
            (self.pending, self.pending_lines) = (0, 0);
            match self.frame()? {
                Frame::End => return Ok(None),
                Frame::Plain { bytes, content: 0 } => {
                    (self.pending, self.pending_lines) = (bytes, 1);
                }
                Frame::Plain { bytes, content } => return Ok(Some(self.plain(bytes, content))),
                Frame::Quoted => {
                    if let Some(end) = self.split_quoted()? {
                        return self.quoted(end).map(Some);
                    }
                }
                Frame::TooLong => return self.too_long().map(Some),
            }
        }
    }

    fn frame(&mut self) -> Result<Frame, ReadError> {
        let mut searched = 0;
        loop {
            let data = self.input.data();
            let rest = data.get(searched..).unwrap_or_default();
            match memchr::memchr3(b'\n', b'\r', b'"', rest) {
                Some(found) => {
                    let content = searched + found;
                    if content > ROW_BYTES_MAX {
                        return Ok(Frame::TooLong);
                    }
                    match (rest.get(found), rest.get(found + 1)) {
                        (Some(b'\n'), _) => {
                            return Ok(Frame::Plain { bytes: content + 1, content });
                        }
                        (Some(b'\r'), Some(b'\n')) => {
                            return Ok(Frame::Plain { bytes: content + 2, content });
                        }
                        // What follows the carriage return is not read yet.
                        (Some(b'\r'), None) if !self.input.is_at_end() => searched = content,
                        _ => return Ok(Frame::Quoted),
                    }
                }
                None => searched = data.len(),
            }
            if searched > ROW_BYTES_MAX {
                return Ok(Frame::TooLong);
            }
            if !self.input.fill()? && searched >= self.input.data().len() {
                let content = self.input.data().len();
                return Ok(match content {
                    0 => Frame::End,
                    _ => {
                        self.is_open_ended = true;
                        Frame::Plain { bytes: content, content }
                    }
                });
            }
        }
    }

    fn plain<'a>(&'a mut self, bytes: usize, content: usize) -> CsvRow<'a>
    where
        R: 'a,
    {
        let position = self.position();
        (self.pending, self.pending_lines) = (bytes, 1);
        let text = self.input.data().get(..content).unwrap_or_default();
        self.spans.clear();
        let mut start = 0;
        for end in memchr::memchr_iter(self.delimiter, text) {
            self.spans.push(start..end);
            start = end + 1;
        }
        self.spans.push(start..content);
        let is_cut = self.is_open_ended;
        CsvRow { position, raw: text, values: values(text, &self.spans, self.width, is_cut) }
    }

    /// Splits the row at the start of the window; `None` when there are only blank lines.
    fn split_quoted(&mut self) -> Result<Option<Split>, ReadError> {
        let delimiter = self.delimiter;
        let core = self
            .core
            .get_or_insert_with(|| csv_core::ReaderBuilder::new().delimiter(delimiter).build());
        core.reset();
        let (mut read, mut written, mut ended) = (0, 0, 0);
        let is_closed = loop {
            if written + 64 > self.unquoted.len() {
                self.unquoted.resize(self.unquoted.len() * 2 + 4096, 0);
            }
            if ended + 16 > self.ends.len() {
                self.ends.resize(self.ends.len() * 2 + 64, 0);
            }
            let at_end = read >= self.input.data().len() && self.input.is_at_end();
            // At the end of the input a line end closes the row, unless a quote is open.
            let data =
                if at_end { b"\n" } else { self.input.data().get(read..).unwrap_or_default() };
            let (result, nin, nout, nend) = core.read_record(
                data,
                self.unquoted.get_mut(written..).unwrap_or_default(),
                self.ends.get_mut(ended..).unwrap_or_default(),
            );
            written += nout;
            ended += nend;
            if !at_end {
                read += nin;
            }
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => {
                    self.is_open_ended |= at_end;
                    break true;
                }
                ReadRecordResult::InputEmpty if at_end => break false,
                ReadRecordResult::InputEmpty => {
                    if read > ROW_BYTES_MAX {
                        break false;
                    }
                    self.input.fill()?;
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
            }
        };
        if written == 0 && ended == 0 && memchr::memchr(b'"', self.input.data()).is_none() {
            self.pending = read;
            return Ok(None);
        }
        Ok(Some(Split { read, written, ended, is_closed: is_closed && read <= ROW_BYTES_MAX }))
    }

    fn quoted<'a>(&'a mut self, split: Split) -> Result<CsvRow<'a>, ReadError>
    where
        R: 'a,
    {
        let Split { read, written, ended, is_closed } = split;
        let position = self.position();
        let data = self.input.data();
        let first_line = memchr::memchr(b'\n', data.get(..read).unwrap_or_default());
        // `csv-core` stops after the carriage return of `\r\n`.
        let is_between = matches!(data.get(read.saturating_sub(1)..), Some([b'\r', b'\n', ..]));
        let read = if is_between { read + 1 } else { read };
        let is_multi_line = first_line.is_some_and(|end| end + 1 < read);
        let is_astray = !is_closed
            || (is_multi_line
                && self.width > 0
                && (ended != self.width || !is_well_quoted(data, read, self.delimiter)));
        if is_astray {
            let bytes = first_line.map_or(read, |end| end + 1);
            self.reread = self.reread.saturating_add(read - bytes);
            if self.reread > REREAD_BYTES_MAX {
                return Err(ReadError::Quotes { line: position.line });
            }
            (self.pending, self.pending_lines) = (bytes, 1);
            self.is_open_ended &= bytes == read;
            let reason = if is_closed {
                "a quote in this line is closed only lines later".to_owned()
            } else if first_line.is_none_or(|end| end + 1 == data.len()) {
                "a quote is opened and never closed: the input ends in this row".to_owned()
            } else {
                "a quote is opened and never closed".to_owned()
            };
            let raw = self.input.data().get(..bytes).unwrap_or_default();
            return Ok(CsvRow { position, raw, values: Err(reason) });
        }
        let raw = data.get(..read).unwrap_or_default();
        (self.pending, self.pending_lines) = (read, memchr::memchr_iter(b'\n', raw).count() as u64);
        self.spans.clear();
        let mut start = 0;
        for &end in self.ends.get(..ended).unwrap_or_default() {
            self.spans.push(start..end);
            start = end;
        }
        let text = self.unquoted.get(..written).unwrap_or_default();
        let is_cut = self.is_open_ended;
        Ok(CsvRow { position, raw, values: values(text, &self.spans, self.width, is_cut) })
    }

    fn too_long<'a>(&'a mut self) -> Result<CsvRow<'a>, ReadError>
    where
        R: 'a,
    {
        let position = self.position();
        let start = self.input.data().get(..4096).unwrap_or_default();
        self.unquoted.clear();
        self.unquoted.extend_from_slice(start);
        let bytes = self.input.skip_line()?;
        self.pending_lines = 1;
        let reason = format!("the row has {bytes} bytes, more than {ROW_BYTES_MAX}");
        Ok(CsvRow { position, raw: &self.unquoted, values: Err(reason) })
    }

    fn position(&mut self) -> Position {
        self.row += 1;
        Position { row: self.row, line: self.line, offset: self.input.offset() }
    }
}

fn values<'a>(
    text: &'a [u8],
    spans: &'a [Range<usize>],
    width: usize,
    is_cut: bool,
) -> Result<Values<'a>, String> {
    if width > 0 && spans.len() != width {
        let cut = if is_cut { ": the input ends in this row" } else { "" };
        let fields = if spans.len() == 1 { "field" } else { "fields" };
        return Err(format!("{} {fields} where the header has {width}{cut}", spans.len()));
    }
    match std::str::from_utf8(text) {
        Ok(text) => Ok(Values { text, spans }),
        Err(error) => {
            let at = error.valid_up_to();
            let column = 1 + spans.iter().position(|span| span.contains(&at)).unwrap_or(0);
            let byte = text.get(at).copied().unwrap_or_default();
            Err(format!("column {column} is not UTF-8 (byte 0x{byte:02x})"))
        }
    }
}

/// Whether quotes stand only around whole fields. `csv-core` forgives more; across lines that would
/// make one row of two.
fn is_well_quoted(data: &[u8], length: usize, delimiter: u8) -> bool {
    let mut bytes = data.iter().copied().take(length).peekable();
    let (mut is_start, mut is_open) = (true, false);
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if is_open => match bytes.peek() {
                Some(b'"') => {
                    bytes.next();
                }
                None | Some(b'\r' | b'\n') => is_open = false,
                Some(next) if *next == delimiter => is_open = false,
                Some(_) => return false,
            },
            b'"' if is_start => is_open = true,
            b'"' => return false,
            _ => {}
        }
        is_start = !is_open && byte == delimiter;
    }
    !is_open
}

/// The delimiter that the header uses most: comma, semicolon, tab or bar.
pub(crate) fn sniff_delimiter(head: &[u8]) -> u8 {
    let line = head.split(|&byte| byte == b'\n' || byte == b'\r').find(|line| !line.is_empty());
    let count = |delimiter: &u8| memchr::memchr_iter(*delimiter, line.unwrap_or_default()).count();
    // The first of equals wins.
    [b'|', b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `line:fields` of every data row, `!reason` for bad ones.
    fn rows(text: impl AsRef<[u8]>) -> Vec<String> {
        // One byte at a time: framing must not depend on how the input arrives.
        struct Dribble<'a>(&'a [u8]);
        impl Read for Dribble<'_> {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                let Some((&first, rest)) = self.0.split_first() else { return Ok(0) };
                into[0] = first;
                self.0 = rest;
                Ok(1)
            }
        }
        let collect = |input: &mut dyn Read| {
            let mut input = Input::new(input, u64::MAX);
            let mut rows = CsvRows::new(&mut input, b',');
            rows.header().unwrap();
            let mut found = Vec::new();
            while let Some(row) = rows.next().unwrap() {
                let line = row.position.line;
                found.push(match row.values {
                    Ok(values) => {
                        let fields: Vec<_> = (0..values.len()).map(|i| values.get(i)).collect();
                        format!("{line}:{}", fields.join("|"))
                    }
                    Err(reason) => format!("{line}!{reason}"),
                });
            }
            found
        };
        let whole = collect(&mut text.as_ref());
        assert_eq!(whole, collect(&mut Dribble(text.as_ref())));
        whole
    }

    #[test]
    fn framing() {
        for (text, expected) in [
            ("a,b\n1,2\n3,4", &["2:1|2", "3:3|4"][..]),
            ("\u{feff}a,b\r\n1,2\r\n\r\n3,4\r\n", &["2:1|2", "4:3|4"]),
            ("a,b\r1,2\r3,4\r", &["1:1|2", "1:3|4"]),
            ("a,b\r1,2\r\r\r", &["1:1|2"]),
            ("a,b\n\"x, \"\"y\"\"\nz\",2\n3,4\n", &["2:x, \"y\"\nz|2", "4:3|4"]),
            ("a,b\n\"x\",\"y\"", &["2:x|y"]),
            ("a,b\r\n\"x\",\"y\"\r\n1,2\r\n", &["2:x|y", "3:1|2"]),
            (
                "a,b\n1\n1,2,3\n1,2\n",
                &["2!1 field where the header has 2", "3!3 fields where the header has 2", "4:1|2"],
            ),
            (
                "a,b\n1,2\n3",
                &["2:1|2", "3!1 field where the header has 2: the input ends in this row"],
            ),
            ("a,b\n1,\"2", &["2!a quote is opened and never closed: the input ends in this row"]),
            ("a,b\n1,\"2\n3,4\n5,6\n", &["2!a quote is opened and never closed", "3:3|4", "4:5|6"]),
            (
                "a,b\n1,\"2\n3,\"4\"\n5,6\n",
                &["2!a quote in this line is closed only lines later", "3:3|4", "4:5|6"],
            ),
        ] {
            assert_eq!(rows(text), expected, "{text:?}");
        }
        assert_eq!(rows(b"a,b\n1,\xff\n3,4\n"), ["2!column 2 is not UTF-8 (byte 0xff)", "3:3|4"]);
    }

    #[test]
    fn a_row_beyond_the_limit_is_rejected_and_the_next_one_read() {
        let text = format!("a,b\n1,{}\n3,4\n", "x".repeat(ROW_BYTES_MAX + CHUNK_MORE));
        let mut input = Input::new(text.as_bytes(), u64::MAX);
        let mut rows = CsvRows::new(&mut input, b',');
        rows.header().unwrap();
        assert!(rows.next().unwrap().unwrap().values.unwrap_err().contains("bytes"));
        assert_eq!(rows.next().unwrap().unwrap().values.unwrap().get(1), "4");
    }

    const CHUNK_MORE: usize = 1 << 20;

    #[test]
    fn delimiters_are_sniffed() {
        for (head, expected) in
            [("a,b", b','), ("a;b;c,d", b';'), ("a\tb\n1,2,3", b'\t'), ("a", b',')]
        {
            assert_eq!(sniff_delimiter(head.as_bytes()), expected, "{head:?}");
        }
    }
}
