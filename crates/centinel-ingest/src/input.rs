//! A bounded window over an input, through which rows are framed without copying them.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::read::ReadError;

/// Longest row, in bytes. A longer one is rejected, not buffered.
pub(crate) const ROW_BYTES_MAX: usize = 16 << 20;

/// What is asked for at first, and at most: a body posted to the server is mostly small, and a file is
/// read in large pieces.
const CHUNK_MIN: usize = 1 << 13;
const CHUNK_MAX: usize = 1 << 18;

/// The unread part of an input, filled as needed.
pub(crate) struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
    // Unread bytes are `buffer[start..end]`; the rest of `buffer` is room.
    start: usize,
    end: usize,
    // Of `buffer[start]`.
    offset: u64,
    bytes_max: u64,
    is_at_end: bool,
    chunk: usize,
    digest: Sha256,
}

impl<R: Read> Input<R> {
    pub(crate) fn new(reader: R, bytes_max: u64) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            bytes_max,
            is_at_end: false,
            chunk: CHUNK_MIN,
            digest: Sha256::new(),
        }
    }

    /// Unread bytes at hand.
    pub(crate) fn data(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Offset of the first unread byte.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether [`Self::data`] is all that is left.
    pub(crate) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// Marks bytes as read.
    pub(crate) fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads more; `false` when there is no more.
    pub(crate) fn fill(&mut self) -> Result<bool, ReadError> {
        if self.is_at_end {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        // Twice the room each time: a long row is copied a constant number of times.
        let room = self.chunk.max(self.end);
        self.chunk = (self.chunk * 2).min(CHUNK_MAX);
        if self.buffer.len() < self.end + room {
            self.buffer.resize(self.end + room, 0);
        }
        loop {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.reader.read(room) {
                Ok(0) => {
                    self.is_at_end = true;
                    return Ok(false);
                }
                Ok(count) => {
                    let fresh = self.buffer.get(self.end..self.end + count).unwrap_or_default();
                    self.digest.update(fresh);
                    self.end += count;
                    if self.offset + (self.end - self.start) as u64 > self.bytes_max {
                        return Err(ReadError::TooLarge { bytes_max: self.bytes_max });
                    }
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    let offset = self.offset + (self.end - self.start) as u64;
                    return Err(ReadError::Io { offset, source });
                }
            }
        }
    }

    /// At least `count` unread bytes, or all that are left.
    pub(crate) fn peek(&mut self, count: usize) -> Result<&[u8], ReadError> {
        while self.end - self.start < count && self.fill()? {}
        Ok(self.data())
    }

    /// Reads to the end of the line without keeping it; returns how many bytes that were.
    pub(crate) fn skip_line(&mut self) -> Result<u64, ReadError> {
        let mut skipped = 0;
        loop {
            let data = self.data();
            let (count, found) = match memchr::memchr(b'\n', data) {
                Some(position) => (position + 1, true),
                None => (data.len(), false),
            };
            self.consume(count);
            skipped += count as u64;
            if found || !self.fill()? {
                return Ok(skipped);
            }
        }
    }

    /// Reads the next part without keeping it; `false` when there is no more.
    pub(crate) fn skip_all(&mut self) -> Result<bool, ReadError> {
        self.consume(self.end - self.start);
        self.fill()
    }

    /// All that is left, at most `limit` bytes.
    pub(crate) fn rest(&mut self, limit: usize) -> Result<&[u8], ReadError> {
        while self.fill()? {
            if self.end - self.start > limit {
                return Err(ReadError::TooLarge { bytes_max: limit as u64 });
            }
        }
        Ok(self.data())
    }

    /// Whether the input starts with a byte order mark of UTF-8, which is then skipped.
    pub(crate) fn skip_byte_order_mark(&mut self) -> Result<(), ReadError> {
        if self.peek(3)?.starts_with(b"\xef\xbb\xbf") {
            self.consume(3);
        }
        Ok(())
    }

    /// SHA-256 of everything read, in hexadecimal.
    pub(crate) fn into_digest(self) -> String {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in self.digest.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}
