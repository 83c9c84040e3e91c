//! JSON objects with their position and text: one a line, or the elements of one array.

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

/// Frames the objects of an input.
pub(crate) struct JsonRows<'r, R> {
    input: &'r mut Input<R>,
    is_array: bool,
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
        Ok(Self {
            input,
            is_array: array.is_some(),
            row: 0,
            line,
            pending: 0,
            pending_lines: 0,
            start: Vec::new(),
        })
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
        if self.is_array { self.next_element() } else { self.next_line() }
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
                if searched > ROW_BYTES_MAX || !self.input.fill()? {
                    break self.input.data().len();
                }
            };
            if end == 0 {
                return Ok(None);
            }
            if end > ROW_BYTES_MAX {
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
            let lines = memchr::memchr_iter(b'\n', data.get(..gap).unwrap_or_default()).count();
            self.line += lines as u64;
            self.input.consume(gap);
            match self.input.data().first() {
                Some(b']') => return Ok(None),
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
            if searched > ROW_BYTES_MAX {
                return self.too_long().map(Some);
            }
            if !self.input.fill()? && searched >= self.input.data().len() {
                let end = self.input.data().len();
                return Ok(Some(self.row(end, false)));
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
        let reason = format!("the row has {bytes} bytes, more than {ROW_BYTES_MAX}");
        Ok(JsonRow { position, raw: &self.start, text: Err(reason) })
    }

    fn position(&mut self) -> Position {
        self.row += 1;
        Position { row: self.row, line: self.line, offset: self.input.offset() }
    }
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

    fn rows(text: &str) -> Vec<String> {
        let mut input = Input::new(text.as_bytes(), u64::MAX);
        let mut rows = JsonRows::new(&mut input).unwrap();
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
            assert_eq!(rows(text), expected, "{text:?}");
        }
    }
}
