//! Opening an input: a path or standard input, plain or compressed.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

/// Why an input cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open `{}`", path.display())]
pub struct OpenError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

const BUFFER: usize = 1 << 18;

/// Opens a file, or standard input for `-`; `.gz` and `.zst` are read through.
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
        _ => Box::new(BufReader::with_capacity(BUFFER, file)),
    })
}
