//! Price books by name: `builtin`, `litellm:FILE`, `genai-prices:FILE`, `openrouter:FILE`, or a file in Centinel's own
//! format.

use std::{io::Read as _, path::Path};

use centinel_engine::pricing::{self, BookError, Import, PriceBook};

use crate::{AppError, config::PricesConfig};

/// Largest price book read, in bytes.
const BOOK_BYTES_MAX: u64 = 64 << 20;

/// Reads a price list of another project; the second text is the book's name.
type Reader = fn(&str, &str) -> Result<Import, BookError>;

/// Price lists of other projects, by the prefix of their books' names.
const READERS: [(&str, Reader); 3] = [
    ("litellm:", pricing::litellm::read),
    ("genai-prices:", pricing::genai_prices::read),
    ("openrouter:", pricing::openrouter::read),
];

/// A book, and what of its source could not be read as a price.
#[derive(Debug)]
pub struct OpenedBook {
    /// The book.
    pub book: PriceBook,
    /// Entries left out, with the reason.
    pub left_out: Vec<BookError>,
}

/// Opens a book. A relative path counts from `base`.
///
/// # Errors
///
/// [`AppError::NoBook`], [`AppError::BookFile`], [`AppError::Book`].
pub fn open_book(name: &str, base: &Path) -> Result<OpenedBook, AppError> {
    let failed = |source| AppError::Book { book: name.to_owned(), source };
    let whole = |book| OpenedBook { book, left_out: Vec::new() };
    if name == "builtin" {
        return pricing::builtin().map(whole).map_err(failed);
    }
    for (prefix, read) in READERS {
        if let Some(file) = name.strip_prefix(prefix) {
            let import = read(&read_text(&base.join(file))?, name).map_err(failed)?;
            return Ok(OpenedBook { book: import.book, left_out: import.rejected });
        }
    }
    pricing::native::read(&read_text(&base.join(name))?).map(whole).map_err(failed)
}

/// The configured book.
pub(crate) fn load_book(config: &PricesConfig, home: &Path) -> Result<PriceBook, AppError> {
    let book = open_book(&config.book, home)?.book;
    Ok(if config.undated { book.holding_for_all_time() } else { book })
}

fn read_text(path: &Path) -> Result<String, AppError> {
    let failed = |source| AppError::BookFile { path: path.to_owned(), source };
    let mut text = String::new();
    let file = centinel_ingest::open(path).map_err(AppError::NoBook)?;
    file.take(BOOK_BYTES_MAX.saturating_add(1)).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > BOOK_BYTES_MAX {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
    }
    Ok(text)
}
