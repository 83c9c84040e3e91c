//! Splits an input into response bodies: JSON lines, an array, pretty-printed values, or server-sent
//! events. One body is in memory at a time.

use std::io::{self, BufRead, Read as _};

/// Longest body, in bytes: images come as text within one.
const BODY_BYTES_MAX: usize = 64 << 20;

/// A body, or what was in its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'b> {
    /// A value of its own.
    Body(&'b str),
    /// An element of an array: with others it may be one response.
    Chunk(&'b str),
    /// One server-sent event.
    Events(&'b str),
    /// No text, or none that is whole.
    Bad(String),
}

/// A body with its place.
#[derive(Debug)]
pub(super) struct Placed<'b> {
    /// The line in which it ends, the first being 1.
    pub(super) line: u64,
    pub(super) body: Piece<'b>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Values,
    Array,
    Events,
}

/// The bodies of an input.
pub(super) struct Bodies<R> {
    input: R,
    mode: Option<Mode>,
    line: u64,
    buffer: Vec<u8>,
    /// The line after a value that was cut, read to see that it was.
    ahead: Vec<u8>,
}

impl<R: BufRead> Bodies<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, mode: None, line: 0, buffer: Vec::new(), ahead: Vec::new() }
    }

    /// The next body; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Placed<'_>>> {
        let mode = match self.mode {
            Some(mode) => mode,
            None => {
                let mode = self.recognise()?;
                self.mode = Some(mode);
                mode
            }
        };
        match mode {
            Mode::Values => self.next_value(),
            Mode::Array => self.next_element(),
            Mode::Events => self.next_event(),
        }
    }

    /// By the first byte that is no space, after a byte order mark.
    fn recognise(&mut self) -> io::Result<Mode> {
        if self.input.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            self.input.consume(3);
        }
        loop {
            let data = self.input.fill_buf()?;
            let Some(first) = data.first().copied() else { return Ok(Mode::Values) };
            if first.is_ascii_whitespace() {
                self.line = self.line.saturating_add(u64::from(first == b'\n'));
                self.input.consume(1);
                continue;
            }
            let is = |field: &[u8]| data.starts_with(field);
            return Ok(if first == b'[' {
                Mode::Array
            } else if is(b"data:") || is(b"event:") || is(b"id:") || is(b"retry:") || is(b": ") {
                Mode::Events
            } else {
                Mode::Values
            });
        }
    }

    /// Reads a line to the end of the buffer; whether there was one.
    fn read_line(&mut self) -> io::Result<bool> {
        if !self.ahead.is_empty() {
            self.buffer.append(&mut self.ahead);
            return Ok(true);
        }
        let room = BODY_BYTES_MAX.saturating_sub(self.buffer.len()).saturating_add(1);
        let room = u64::try_from(room).unwrap_or(u64::MAX);
        let before = self.buffer.len();
        let count = self.input.by_ref().take(room).read_until(b'\n', &mut self.buffer)?;
        if self.buffer.len() > before && self.buffer.last() != Some(&b'\n') && self.is_too_long() {
            self.input.skip_until(b'\n')?;
        }
        self.line = self.line.saturating_add(u64::from(count > 0));
        Ok(count > 0)
    }

    fn is_too_long(&self) -> bool {
        self.buffer.len() > BODY_BYTES_MAX
    }

    fn next_value(&mut self) -> io::Result<Option<Placed<'_>>> {
        self.buffer.clear();
        while self.buffer.trim_ascii().is_empty() {
            self.buffer.clear();
            if !self.read_line()? {
                return Ok(None);
            }
        }
        let mut line = self.line;
        // A value that does not end in its line goes on in the next ones, unless the next one starts
        // a value: then this one was cut.
        if self.buffer.trim_ascii().last() != Some(&b'}') {
            let mut depth = Depth::default();
            let mut searched = 0;
            loop {
                depth.read(self.buffer.get(searched..).unwrap_or_default());
                searched = self.buffer.len();
                if depth.is_closed() || self.is_too_long() || !depth.is_open() {
                    break;
                }
                if !self.read_line()? {
                    break;
                }
                let fresh = self.buffer.get(searched..).unwrap_or_default();
                if fresh.first() == Some(&b'{') {
                    self.ahead = self.buffer.split_off(searched);
                    break;
                }
                line = self.line;
            }
        }
        Ok(Some(placed(&self.buffer, line, Piece::Body)))
    }

    fn next_element(&mut self) -> io::Result<Option<Placed<'_>>> {
        // Brackets of the array itself, commas and spaces.
        loop {
            let data = self.input.fill_buf()?;
            let Some(first) = data.first().copied() else { return Ok(None) };
            if !(first.is_ascii_whitespace() || matches!(first, b',' | b'[' | b']')) {
                break;
            }
            self.line = self.line.saturating_add(u64::from(first == b'\n'));
            self.input.consume(1);
        }
        self.buffer.clear();
        let mut depth = Depth::default();
        loop {
            let data = self.input.fill_buf()?;
            if data.is_empty() {
                break;
            }
            let end = depth.read(data);
            let taken = end.unwrap_or(data.len());
            let part = data.get(..taken).unwrap_or_default();
            let lines = part.split(|byte| *byte == b'\n').count().saturating_sub(1);
            if self.buffer.len() <= BODY_BYTES_MAX {
                self.buffer.extend_from_slice(part);
            }
            self.line = self.line.saturating_add(u64::try_from(lines).unwrap_or(0));
            self.input.consume(taken);
            if end.is_some() {
                break;
            }
        }
        let line = self.line.saturating_add(1);
        Ok(Some(placed(&self.buffer, line, Piece::Chunk)))
    }

    fn next_event(&mut self) -> io::Result<Option<Placed<'_>>> {
        self.buffer.clear();
        loop {
            let before = self.buffer.len();
            if !self.read_line()? {
                break;
            }
            let fresh = self.buffer.get(before..).unwrap_or_default();
            if fresh.trim_ascii().is_empty() {
                if before > 0 {
                    break;
                }
                self.buffer.clear();
            }
            if self.is_too_long() {
                break;
            }
        }
        if self.buffer.trim_ascii().is_empty() {
            return Ok(None);
        }
        Ok(Some(placed(&self.buffer, self.line, Piece::Events)))
    }
}

fn placed<'b>(buffer: &'b [u8], line: u64, piece: fn(&'b str) -> Piece<'b>) -> Placed<'b> {
    let body = if buffer.len() > BODY_BYTES_MAX {
        Piece::Bad(format!("the body is longer than {} MiB", BODY_BYTES_MAX >> 20))
    } else {
        match std::str::from_utf8(buffer) {
            Ok(text) => piece(text.trim_ascii()),
            Err(error) => {
                let at = error.valid_up_to();
                let byte = buffer.get(at).copied().unwrap_or_default();
                Piece::Bad(format!("byte {} is not UTF-8 (0x{byte:02x})", at.saturating_add(1)))
            }
        }
    };
    Placed { line, body }
}

/// How deep in brackets a reader of JSON is.
#[derive(Default)]
struct Depth {
    open: usize,
    in_text: bool,
    is_escaped: bool,
    has_opened: bool,
}

impl Depth {
    /// Reads on; the length after which a value ends, if it does.
    fn read(&mut self, data: &[u8]) -> Option<usize> {
        for (at, byte) in data.iter().enumerate() {
            if self.in_text {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => self.in_text = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_text = true,
                b'{' | b'[' => {
                    self.open = self.open.saturating_add(1);
                    self.has_opened = true;
                }
                // The end of the array around an element that is no object.
                b']' | b',' if self.open == 0 => return Some(at),
                b'}' | b']' => {
                    self.open = self.open.saturating_sub(1);
                    if self.open == 0 {
                        return Some(at.saturating_add(1));
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn is_open(&self) -> bool {
        self.open > 0
    }

    fn is_closed(&self) -> bool {
        self.has_opened && self.open == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &[u8], expected: &[&str]) {
        // A small buffer, so that every boundary falls somewhere within a body.
        let mut bodies = Bodies::new(io::BufReader::with_capacity(8, text));
        let mut found = Vec::new();
        while let Some(Placed { line, body }) = bodies.next().unwrap() {
            found.push(match body {
                Piece::Body(text) => format!("{line} {text}"),
                Piece::Chunk(text) => format!("{line} chunk {text}"),
                Piece::Events(text) => format!("{line} event {text}"),
                Piece::Bad(reason) => format!("{line} bad {reason}"),
            });
            assert!(found.len() <= expected.len(), "{found:?}");
        }
        assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(text));
    }

    #[test]
    fn inputs_are_split_into_bodies() {
        check(b"", &[]);
        check(b" \n\n", &[]);
        check(b"{\"a\":1}\n\n{\"a\":2}", &["1 {\"a\":1}", "3 {\"a\":2}"]);
        check(b"\xef\xbb\xbf{\"a\":1}\r\n{\"a\":2}\r\n", &["1 {\"a\":1}", "2 {\"a\":2}"]);
        // Pretty-printed.
        check(b"{\n \"a\": {\n }\n}\n{\n}\n", &["4 {\n \"a\": {\n }\n}", "6 {\n}"]);
        // Cut in the middle: the next line is good.
        check(b"{\"a\":\"x\n{\"a\":2}\n", &["1 {\"a\":\"x", "2 {\"a\":2}"]);
        check(b"{\"a\":{\n{\"a\":2}\n", &["1 {\"a\":{", "2 {\"a\":2}"]);
        check(b"{\"a\":", &["1 {\"a\":"]);
        check(b"no JSON\n{\"a\":2}\n", &["1 no JSON", "2 {\"a\":2}"]);
        check(b"\xff\n{}\n", &["1 bad byte 1 is not UTF-8 (0xff)", "2 {}"]);
        // An array, with what may stand in one.
        check(
            b"[{\"a\":\"]}\\\"\"},\n {\"b\":[{}]}, 7]\n",
            &["1 chunk {\"a\":\"]}\\\"\"}", "2 chunk {\"b\":[{}]}", "2 chunk 7"],
        );
        check(b"[{\"a\":1},{\"a\":", &["1 chunk {\"a\":1}", "1 chunk {\"a\":"]);
        check(b"[]", &[]);
        // Events.
        check(
            b"event: a\ndata: {}\n\n\n: keep\ndata: [DONE]",
            &["3 event event: a\ndata: {}", "6 event : keep\ndata: [DONE]"],
        );
    }

    #[test]
    fn a_body_without_end_is_not_kept() {
        let mut text = b"{\"a\":\"".to_vec();
        text.resize(BODY_BYTES_MAX + 10, b'x');
        text.extend_from_slice(b"\"}\n{}\n");
        let mut bodies = Bodies::new(io::BufReader::new(text.as_slice()));
        let first = bodies.next().unwrap().unwrap();
        assert_eq!(first.body, Piece::Bad("the body is longer than 64 MiB".to_owned()));
        assert_eq!(bodies.next().unwrap().unwrap().body, Piece::Body("{}"));
        assert!(bodies.next().unwrap().is_none());
    }
}
