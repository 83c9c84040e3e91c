//! JSON objects with their position and text: one a line, the elements of one array, or documents
//! over any number of lines.

use std::io::Read;

use crate::{
    input::{Input, ROW_BYTES_MAX},
    read::ReadError,
    sink::Position,
};

/// One object's text, or why it is none. Whether it is valid JSON is for its reader to say.
pub(crate) struct JsonRow<'a> {
    pub(crate) position: Position,
    pub(crate) raw: &'a [u8],
    pub(crate) text: Result<&'a str, String>,
}

/// Longest document, in bytes: a page of an API holds many rows.
const DOCUMENT_BYTES_MAX: usize = 64 << 20;

/// What separates the objects of an input.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// Line ends.
    Lines,
    /// The commas of one array; what follows it is not read.
    Wrapped,
    /// The commas of an array, or of several ones.
    Arrays,
    /// Nothing: each object ends where its braces do.
    Braces,
}

/// Frames the objects of an input.
pub(crate) struct JsonRows<'r, R> {
    input: &'r mut Input<R>,
    framing: Framing,
    bytes_max: usize,
    row: u64,
    line: u64,
    pending: usize,
    pending_lines: u64,
    // The start of a row that was too long.
    start: Vec<u8>,
}

impl<'r, R: Read> JsonRows<'r, R> {
    /// Reads up to the first object. An array may be wrapped, as in `{"data": [`.
    pub(crate) fn new(input: &'r mut Input<R>) -> Result<Self, ReadError> {
        input.skip_byte_order_mark()?;
        let head = input.peek(4096)?;
        let array = array_start(head);
        let line = head.get(..array.unwrap_or(0)).unwrap_or_default();
        let line = 1 + memchr::memchr_iter(b'\n', line).count() as u64;
        input.consume(array.unwrap_or(0));
        let framing = if array.is_some() { Framing::Wrapped } else { Framing::Lines };
        Ok(Self::framed(input, framing, line, ROW_BYTES_MAX))
    }

    /// Frames documents: pages of an API, log records, printed on one line or on many, one after the
    /// other or in arrays. Nothing between the first and the last is passed over.
    pub(crate) fn documents(input: &'r mut Input<R>) -> Result<Self, ReadError> {
        input.skip_byte_order_mark()?;
        let head = input.peek(1 << 16)?;
        let start = head.len() - head.trim_ascii_start().len();
        let line = 1 + line_ends(head.get(..start).unwrap_or_default());
        let framing = match head.get(start) {
            Some(b'[') => Framing::Arrays,
            _ if has_object_lines(head) => Framing::Lines,
            _ => Framing::Braces,
        };
        let is_array = framing == Framing::Arrays;
        input.consume(if is_array { start + 1 } else { 0 });
        let line = if is_array { line } else { 1 };
        Ok(Self::framed(input, framing, line, DOCUMENT_BYTES_MAX))
    }

    fn framed(input: &'r mut Input<R>, framing: Framing, line: u64, bytes_max: usize) -> Self {
        Self {
            input,
            framing,
            bytes_max,
            row: 0,
            line,
            pending: 0,
            pending_lines: 0,
            start: Vec::new(),
        }
    }

    /// Bytes read so far.
    pub(crate) fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// The next object, blank lines left out.
    pub(crate) fn next(&mut self) -> Result<Option<JsonRow<'_>>, ReadError> {
        self.input.consume(self.pending);
        self.line += self.pending_lines;
        (self.pending, self.pending_lines) = (0, 0);
        if self.framing == Framing::Lines { self.next_line() } else { self.next_element() }
    }

    fn next_line(&mut self) -> Result<Option<JsonRow<'_>>, ReadError> {
        loop {
            let mut searched = 0;
            let end = loop {
                let data = self.input.data();
                match memchr::memchr(b'\n', data.get(searched..).unwrap_or_default()) {
                    Some(found) => break searched + found + 1,
                    None => searched = data.len(),
                }
                if searched > self.bytes_max || !self.input.fill()? {
                    break self.input.data().len();
                }
            };
            if end == 0 {
                return Ok(None);
            }
            if end > self.bytes_max {
                return self.too_long().map(Some);
            }
            let line = self.input.data().get(..end).unwrap_or_default();
            if line.trim_ascii().is_empty() {
                self.input.consume(end);
                self.line += 1;
                continue;
            }
            return Ok(Some(self.row(end, true)));
        }
    }

    fn next_element(&mut self) -> Result<Option<JsonRow<'_>>, ReadError> {
        // Spaces and commas between elements.
        loop {
            let data = self.input.data();
            let gap = data
                .iter()
                .position(|byte| !byte.is_ascii_whitespace() && *byte != b',')
                .unwrap_or(data.len());
            self.line += line_ends(data.get(..gap).unwrap_or_default());
            self.input.consume(gap);
            match self.input.data().first() {
                Some(b']') if self.framing == Framing::Wrapped => return Ok(None),
                Some(b']') if self.framing == Framing::Arrays => {
                    self.input.consume(1);
                    if self.enter_array()? {
                        continue;
                    }
                    self.framing = Framing::Lines;
                    return self.next_line();
                }
                Some(_) => break,
                None => {}
            }
            if !self.input.fill()? {
                return Ok(None);
            }
        }
        let (mut depth, mut in_text, mut searched) = (0_usize, false, 0);
        loop {
            let data = self.input.data();
            while let Some(&byte) = data.get(searched) {
                searched += 1;
                match byte {
                    b'\\' if in_text => searched += 1,
                    b'"' => in_text = !in_text,
                    _ if in_text => {}
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            return Ok(Some(self.row(searched, true)));
                        }
                    }
                    // An element that is no object.
                    b',' if depth == 0 => return Ok(Some(self.row(searched - 1, true))),
                    _ => {}
                }
            }
            if searched > self.bytes_max {
                return self.too_long().map(Some);
            }
            if !self.input.fill()? && searched >= self.input.data().len() {
                let end = self.input.data().len();
                return Ok(Some(self.row(end, false)));
            }
        }
    }

    /// Goes on into the array that follows the one that ended; `false` when something else follows, or
    /// nothing.
    fn enter_array(&mut self) -> Result<bool, ReadError> {
        loop {
            let data = self.input.data();
            let gap = data.iter().position(|byte| !byte.is_ascii_whitespace());
            let blank = gap.unwrap_or(data.len());
            self.line += line_ends(data.get(..blank).unwrap_or_default());
            self.input.consume(blank);
            if let Some(&byte) = self.input.data().first() {
                let is_array = byte == b'[';
                self.input.consume(usize::from(is_array));
                return Ok(is_array);
            }
            if !self.input.fill()? {
                return Ok(false);
            }
        }
    }

    fn row(&mut self, end: usize, is_whole: bool) -> JsonRow<'_> {
        let position = self.position();
        let raw = self.input.data().get(..end).unwrap_or_default();
        (self.pending, self.pending_lines) = (end, memchr::memchr_iter(b'\n', raw).count() as u64);
        let text = if is_whole {
            std::str::from_utf8(raw).map(str::trim_ascii).map_err(|error| {
                let byte = raw.get(error.valid_up_to()).copied().unwrap_or_default();
                format!("byte {} is not UTF-8 (0x{byte:02x})", error.valid_up_to() + 1)
            })
        } else {
            Err("the input ends in this row".to_owned())
        };
        JsonRow { position, raw, text }
    }

    fn too_long(&mut self) -> Result<JsonRow<'_>, ReadError> {
        let position = self.position();
        self.start.clear();
        self.start.extend_from_slice(self.input.data().get(..4096).unwrap_or_default());
        let bytes = self.input.skip_line()?;
        self.pending_lines = 1;
        let reason = format!("the row has {bytes} bytes, more than {}", self.bytes_max);
        Ok(JsonRow { position, raw: &self.start, text: Err(reason) })
    }

    fn position(&mut self) -> Position {
        self.row += 1;
        Position { row: self.row, line: self.line, offset: self.input.offset() }
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Whether each line holds an object of its own: the first line ends its object, or the second one
/// starts another (then the first is a row in error, not the start of a long document).
fn has_object_lines(head: &[u8]) -> bool {
    let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let mut next = || lines.find(|line| !line.is_empty()).unwrap_or_default();
    let first = next();
    serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok()
        || !first.starts_with(b"{")
        || next().starts_with(b"{\"")
        // A single line that is longer than the head.
        || first.len() == head.trim_ascii().len() && head.len() >= 1 << 16
}

/// Where the elements of an array start: after `[`, or after `{"data": [`.
fn array_start(head: &[u8]) -> Option<usize> {
    fn after(rest: &[u8], token: &[u8]) -> Option<usize> {
        let rest_trimmed = rest.trim_ascii_start();
        rest_trimmed.starts_with(token).then(|| rest.len() - rest_trimmed.len() + token.len())
    }
    if let Some(end) = after(head, b"[") {
        return Some(end);
    }
    let mut end = 0;
    for token in [&b"{"[..], b"\"data\"", b":", b"["] {
        end += after(head.get(end..)?, token)?;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, are_documents: bool) -> Vec<String> {
        let mut input = Input::new(text.as_bytes(), u64::MAX);
        let rows =
            if are_documents { JsonRows::documents(&mut input) } else { JsonRows::new(&mut input) };
        let mut rows = rows.unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let line = row.position.line;
            found.push(match row.text {
                Ok(text) => format!("{line}:{}", text.trim()),
                Err(reason) => format!("{line}!{reason}"),
            });
        }
        found
    }

    #[test]
    fn documents() {
        for (text, expected) in [
            ("{\"a\":1}\n\n{\"a\":2}", &["1:{\"a\":1}", "3:{\"a\":2}"][..]),
            (
                "{\n \"a\": 1\n}\n{\n \"a\": \"}\"\n}\n",
                &["1:{\n \"a\": 1\n}", "4:{\n \"a\": \"}\"\n}"],
            ),
            ("{\"a\":\n{\"a\":2}\nx", &["1:{\"a\":", "2:{\"a\":2}", "3:x"]),
            ("\n[{\"a\":1},\n{\"a\":2}]", &["2:{\"a\":1}", "3:{\"a\":2}"]),
            ("[{\"a\":1}]\n[{\"a\":2}]\n", &["1:{\"a\":1}", "2:{\"a\":2}"]),
            ("[{\"a\":1}]\n{\"a\":2}", &["1:{\"a\":1}", "2:{\"a\":2}"]),
            ("{ \"data\": [{}], \"b\": 1 }", &["1:{ \"data\": [{}], \"b\": 1 }"]),
            ("{\n \"a\": 1", &["1!the input ends in this row"]),
            ("not json\n{\"a\":2}", &["1:not json", "2:{\"a\":2}"]),
            ("{\n}]\n{\"a\":2}", &["1:{\n}", "2:]", "3:{\"a\":2}"]),
            ("", &[]),
        ] {
            assert_eq!(rows(text, true), expected, "{text:?}");
        }
    }

    #[test]
    fn framing() {
        for (text, expected) in [
            ("{\"a\":1}\n\n{\"a\":2}", &["1:{\"a\":1}", "3:{\"a\":2}"][..]),
            (
                "[\n {\"a\":\"]}\\\"\"},\n {\"b\":[{}]}\n]",
                &["2:{\"a\":\"]}\\\"\"}", "3:{\"b\":[{}]}"],
            ),
            (
                "{ \"data\" : [{\"a\":1},7,{\"a\":2}], \"more\": 1}",
                &["1:{\"a\":1}", "1:7", "1:{\"a\":2}"],
            ),
            ("[{\"a\":1},\n{\"a\":", &["1:{\"a\":1}", "2!the input ends in this row"]),
            ("[]", &[]),
            ("", &[]),
        ] {
            assert_eq!(rows(text, false), expected, "{text:?}");
        }
    }
}
