//! A file being written, plain or compressed by its suffix.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use serde::Serialize;

/// Counts what is written to one file.
pub(crate) struct Sink {
    out: Out,
    pub(crate) rows: u64,
}

enum Out {
    Plain(BufWriter<File>),
    // Large writes, and no time in the header: the same content is the same bytes.
    Gzip(BufWriter<GzEncoder<File>>),
}

const BUFFER: usize = 1 << 16;

impl Sink {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        let out = if path.extension().is_some_and(|suffix| suffix == "gz") {
            Out::Gzip(BufWriter::with_capacity(BUFFER, GzEncoder::new(file, Compression::fast())))
        } else {
            Out::Plain(BufWriter::with_capacity(BUFFER, file))
        };
        Ok(Self { out, rows: 0 })
    }

    /// Writes one JSON object on a line of its own.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut *self, value)?;
        self.rows += 1;
        self.write_all(b"\n")
    }

    /// Ends the file; what is still buffered is written.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self.out {
            Out::Plain(mut out) => out.flush(),
            Out::Gzip(out) => {
                out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?.flush()
            }
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Out::Plain(out) => out.write(bytes),
            Out::Gzip(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Plain(out) => out.flush(),
            Out::Gzip(out) => out.flush(),
        }
    }
}
