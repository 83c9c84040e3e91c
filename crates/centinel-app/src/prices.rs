//! Price books by name: `builtin`, `litellm:FILE`, `genai-prices:FILE`, a version in the home, or a file in Centinel's
//! own format.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use centinel_engine::{
    facts::sha256_hex,
    pricing::{self, BookError, Contract, Deployments, PriceBook},
};

use crate::{
    AppError, ConfigError,
    config::{Config, PricesConfig},
};

/// Largest price book read, in bytes.
const BOOK_BYTES_MAX: u64 = 64 << 20;
/// Folder of imported books, in a home.
const VERSIONS: [&str; 2] = ["prices", "books"];

/// A book, and what of its source could not be read as a price.
#[derive(Debug)]
pub struct OpenedBook {
    /// The book.
    pub book: PriceBook,
    /// Entries left out, with the reason.
    pub left_out: Vec<BookError>,
}

/// What a book's text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BookFormat {
    Native,
    LiteLlm,
    GenaiPrices,
    OpenRouter,
}

impl BookFormat {
    const ALL: [Self; 4] = [Self::Native, Self::LiteLlm, Self::GenaiPrices, Self::OpenRouter];

    /// The word before a file's name, and before the end of an imported file's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::LiteLlm => "litellm",
            Self::GenaiPrices => "genai-prices",
            Self::OpenRouter => "openrouter",
        }
    }

    /// Splits `litellm:FILE`; a name without a format is that of a native book.
    pub(crate) fn of(name: &str) -> (Self, &str) {
        let prefixed =
            |format: Self| Some((format, name.strip_prefix(format.name())?.strip_prefix(':')?));
        Self::ALL.into_iter().find_map(prefixed).unwrap_or((Self::Native, name))
    }

    pub(crate) fn read(self, text: &str, name: &str) -> Result<OpenedBook, BookError> {
        let import = match self {
            Self::Native => {
                let book = pricing::native::read(text)?;
                return Ok(OpenedBook { book, left_out: Vec::new() });
            }
            Self::LiteLlm => pricing::litellm::read(text, name)?,
            Self::GenaiPrices => pricing::genai_prices::read(text, name)?,
            Self::OpenRouter => pricing::openrouter::read(text, name)?,
        };
        Ok(OpenedBook { book: import.book, left_out: import.rejected })
    }
}

/// Opens a book. A relative path counts from `base`; `imported:DIGEST` is a version that was
/// imported into the home `base`, by at least eight hex digits of its digest.
///
/// # Errors
///
/// [`AppError::NoBook`], [`AppError::BookFile`], [`AppError::Book`], [`AppError::NotFound`] and [`AppError::ChangedBook`] for a version.
pub fn open_book(name: &str, base: &Path) -> Result<OpenedBook, AppError> {
    let failed = |source| AppError::Book { book: name.to_owned(), source };
    if name == "builtin" {
        let whole = |book| OpenedBook { book, left_out: Vec::new() };
        return pricing::builtin().map(whole).map_err(failed);
    }
    if let Some(digest) = name.strip_prefix("imported:") {
        let (path, format) = find_version(digest, base)?;
        let text = read_text(&path)?;
        let found = sha256_hex(text.as_bytes());
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&found)) {
            return Err(AppError::ChangedBook(path));
        }
        let short: String = found.chars().take(12).collect();
        return format.read(&text, &format!("{}@{short}", format.name())).map_err(failed);
    }
    let (format, file) = BookFormat::of(name);
    format.read(&read_text(&base.join(file))?, name).map_err(failed)
}

/// The configured book, as it is: without contract and names.
pub(crate) fn load_book(config: &PricesConfig, home: &Path) -> Result<PriceBook, AppError> {
    let book = open_book(&config.book, home)?.book;
    Ok(if config.undated { book.holding_for_all_time() } else { book })
}

/// A book under the configured contract, with the configured names for models.
pub(crate) fn on_terms(
    book: PriceBook,
    config: &Config,
    home: &Path,
) -> Result<PriceBook, AppError> {
    let names = Deployments::new(&config.models).map_err(|error| ConfigError::Invalid {
        path: PathBuf::from("centinel.toml"),
        reason: format!("`[models]`: {error}"),
    })?;
    let book = book.with_deployments(names);
    let Some(file) = &config.prices.contract else { return Ok(book) };
    let path = home.join(file);
    let failed = |source| AppError::Contract { path: path.clone(), source };
    let contract = Contract::read(&read_text(&path)?).map_err(failed)?;
    book.under(contract).map_err(failed)
}

/// Where an imported version is kept.
pub(crate) fn version_path(home: &Path, digest: &str, format: BookFormat) -> PathBuf {
    version_folder(home).join(format!("{digest}.{}", format.name()))
}

pub(crate) fn version_folder(home: &Path) -> PathBuf {
    home.join(VERSIONS[0]).join(VERSIONS[1])
}

/// The one version whose digest begins like this.
fn find_version(digest: &str, home: &Path) -> Result<(PathBuf, BookFormat), AppError> {
    let not_found = || AppError::NotFound {
        what: "imported price book",
        id: digest.chars().take(40).collect(),
    };
    let digest = digest.trim().to_ascii_lowercase();
    if digest.len() < 8 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(not_found());
    }
    let folder = version_folder(home);
    let failed = |source| AppError::Home { path: folder.clone(), source };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(not_found()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let format = BookFormat::ALL
            .into_iter()
            .find(|format| name.ends_with(&format!(".{}", format.name())));
        if let Some(format) = format.filter(|_| name.starts_with(&digest)) {
            found.push((path, format));
        }
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err(not_found()),
    }
}

pub(crate) fn read_text(path: &Path) -> Result<String, AppError> {
    let failed = |source| AppError::BookFile { path: path.to_owned(), source };
    let mut text = String::new();
    let file = centinel_ingest::open(path).map_err(AppError::NoBook)?;
    file.take(BOOK_BYTES_MAX.saturating_add(1)).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > BOOK_BYTES_MAX {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
    }
    Ok(text)
}
