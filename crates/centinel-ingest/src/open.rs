//! Opening an input: a path or standard input, plain, compressed, or alone in an archive.

mod archive;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _, Seek as _},
    path::{Path, PathBuf},
};

use crate::parquet_rows::is_parquet;

/// Why an input cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open `{}`", path.display())]
pub struct OpenError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// An opened input.
pub enum Opened {
    /// Bytes in their order, decompressed.
    Stream(Box<dyn BufRead + Send>),
    /// A Parquet file, which is read from its end.
    Parquet(File),
}

const BUFFER: usize = 1 << 18;

/// Opens a file, or standard input for `-`; `.gz`, `.zst` and `.zip` with one file are read through.
///
/// # Errors
///
/// [`OpenError`] when the file cannot be opened.
pub fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, OpenError> {
    let failed = |source| OpenError { path: path.to_owned(), source };
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, io::stdin())));
    }
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let suffix = path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
    Ok(match suffix.to_ascii_lowercase().as_str() {
        "gz" => Box::new(BufReader::with_capacity(BUFFER, flate2::read::MultiGzDecoder::new(file))),
        "zst" => {
            let decoder = zstd::Decoder::new(file).map_err(failed)?;
            Box::new(BufReader::with_capacity(BUFFER, decoder))
        }
        "zip" => Box::new(BufReader::with_capacity(BUFFER, archive::open(file).map_err(failed)?)),
        _ => Box::new(BufReader::with_capacity(BUFFER, file)),
    })
}

/// Opens a file as [`open`] does, but a Parquet file as one that can be read from its end.
///
/// # Errors
///
/// [`OpenError`] when the file cannot be opened.
pub fn open_input(path: &Path) -> Result<Opened, OpenError> {
    let failed = |source| OpenError { path: path.to_owned(), source };
    if path.as_os_str() != "-"
        && let Ok(mut file) = File::open(path)
        && file.metadata().is_ok_and(|metadata| metadata.is_file())
    {
        let mut head = Vec::new();
        file.by_ref().take(4).read_to_end(&mut head).map_err(failed)?;
        if is_parquet(&head) {
            file.rewind().map_err(failed)?;
            return Ok(Opened::Parquet(file));
        }
    }
    open(path).map(Opened::Stream)
}
