//! Versions of price books in a home: what was imported, when, by whom, and which one prices calls.
//!
//! A version is a file named by its digest, and an audit entry. It never changes; a changed book is
//! a further version. Importing one changes no price: which book prices calls is what the
//! configuration says, and activating a version writes just that line.

use std::path::{Path, PathBuf};

use centinel_engine::{facts::sha256_hex, money::Currency};
use centinel_store::{Journal, audit};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    App, AppError, Config, OpenedBook, open_book,
    prices::{BookFormat, read_text, version_folder, version_path},
};

/// A version of a price book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookVersion {
    /// SHA-256 of its text, hex.
    pub digest: String,
    /// `native`, `litellm`, ….
    pub format: String,
    /// The name that the book gives itself, or that of its format.
    pub name: String,
    /// The file it came from, without its folder.
    pub file: String,
    /// Models with a price.
    pub models: usize,
    /// Entries that are no prices, left out.
    pub left_out: usize,
    /// Of every price.
    pub currency: Currency,
    /// The day on which the book says what prices are, where it does.
    pub recorded: Option<Date>,
}

/// A version in the home, with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownVersion {
    /// What it is.
    #[serde(flatten)]
    pub version: BookVersion,
    /// When it was imported first.
    pub imported_at: Timestamp,
    /// Who imported it.
    pub imported_by: String,
    /// Whether the configuration names it.
    pub is_active: bool,
}

/// What an import of a book did.
#[derive(Debug)]
pub struct ImportedBook {
    /// The version.
    pub version: BookVersion,
    /// The home had it already; nothing changed.
    pub already_known: bool,
    /// The book, with what was left out of it.
    pub opened: OpenedBook,
}

/// A book became a version of the home.
pub(crate) const IMPORTED: &str = "prices.book_imported";
/// Another book prices calls.
pub(crate) const ACTIVATED: &str = "prices.book_activated";

impl App {
    /// Keeps a book in the home as a version. Prices do not change by it.
    ///
    /// # Errors
    ///
    /// As [`open_book`]; [`AppError::BuiltinBook`] for the built-in one, which is here already.
    pub async fn import_book(
        &self,
        name: &str,
        base: &Path,
        actor: &str,
        now: Timestamp,
    ) -> Result<ImportedBook, AppError> {
        if name == "builtin" {
            return Err(AppError::BuiltinBook);
        }
        let (format, file) = BookFormat::of(name);
        let text = read_text(&base.join(file))?;
        let digest = sha256_hex(text.as_bytes());
        let short: String = digest.chars().take(12).collect();
        let opened = format
            .read(&text, &format!("{}@{short}", format.name()))
            .map_err(|source| AppError::Book { book: name.to_owned(), source })?;
        let file_name = Path::new(file).file_name().unwrap_or_default().to_string_lossy();
        let version = BookVersion {
            digest: digest.clone(),
            format: format.name().to_owned(),
            name: opened.book.name().to_owned(),
            file: file_name.chars().take(200).collect(),
            models: opened.book.len(),
            left_out: opened.left_out.len(),
            currency: opened.book.currency(),
            recorded: opened.book.recorded(),
        };
        let known = self.book_versions().await?;
        let path = version_path(&self.home, &digest, format);
        if known.iter().any(|known| known.version.digest == digest) && path.exists() {
            return Ok(ImportedBook { version, already_known: true, opened });
        }
        write_whole(&version_folder(&self.home), &path, &text)?;
        let mut journal = Journal::begin(self.database()).await?;
        journal.append(now, actor, IMPORTED, &format!("book:{short}"), &version).await?;
        journal.commit().await?;
        Ok(ImportedBook { version, already_known: false, opened })
    }

    /// Every version in the home, in the order of import.
    ///
    /// # Errors
    ///
    /// [`AppError::Store`].
    pub async fn book_versions(&self) -> Result<Vec<KnownVersion>, AppError> {
        let active = self.config.prices.book.strip_prefix("imported:").map(str::to_owned);
        let mut versions: Vec<KnownVersion> = Vec::new();
        for entry in audit::entries_of_action(self.database(), IMPORTED).await? {
            let Ok(version) = serde_json::from_value::<BookVersion>(entry.payload) else {
                continue;
            };
            if versions.iter().any(|known| known.version.digest == version.digest) {
                continue;
            }
            let is_active =
                active.as_ref().is_some_and(|active| version.digest.starts_with(active));
            versions.push(KnownVersion {
                version,
                imported_at: Timestamp::from_microsecond(entry.at).unwrap_or(Timestamp::UNIX_EPOCH),
                imported_by: entry.actor,
                is_active,
            });
        }
        Ok(versions)
    }

    /// Makes a book the one that prices calls from now on, by writing its name into the
    /// configuration. Calls that are booked keep their price.
    ///
    /// # Errors
    ///
    /// As [`open_book`]; [`AppError::Config`] when the file is not as it was read.
    pub async fn activate_book(
        &self,
        name: &str,
        config: &Path,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let opened = open_book(name, &self.home)?;
        self.on_our_terms(opened.book)?;
        let failed = |source| AppError::Home { path: config.to_owned(), source };
        let text = std::fs::read_to_string(config).map_err(failed)?;
        let changed = with_book(&text, name);
        // Only the book may differ: a text that reads otherwise is not written.
        let mut expected = (*self.config).clone();
        name.clone_into(&mut expected.prices.book);
        let read: Option<Config> = toml::from_str(&changed).ok();
        if read.as_ref() != Some(&expected) {
            return Err(AppError::ConfigLine {
                path: config.to_owned(),
                line: format!("[prices] book = \"{name}\""),
            });
        }
        let temporary = config.with_extension("toml.tmp");
        std::fs::write(&temporary, &changed).map_err(failed)?;
        std::fs::rename(&temporary, config).map_err(failed)?;
        let mut journal = Journal::begin(self.database()).await?;
        let payload = serde_json::json!({"book": name, "before": self.config.prices.book});
        journal.append(now, actor, ACTIVATED, "prices", &payload).await?;
        journal.commit().await?;
        Ok(())
    }
}

/// The configuration's text with another book, everything else as it was.
fn with_book(text: &str, name: &str) -> String {
    let line = format!("book = \"{name}\"");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let header = lines.iter().position(|line| line.trim() == "[prices]");
    let Some(header) = header else {
        lines.extend([String::new(), "[prices]".to_owned(), line]);
        return lines.join("\n") + "\n";
    };
    let section = lines.iter().skip(header + 1).take_while(|line| !line.trim().starts_with('['));
    let is_book = |text: &String| {
        text.trim_start()
            .strip_prefix("book")
            .is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let place = section.into_iter().position(is_book).map(|place| header + 1 + place);
    match place.and_then(|place| lines.get_mut(place)) {
        Some(old) => *old = line,
        None => lines.insert(header + 1, line),
    }
    lines.join("\n") + "\n"
}

/// Writes a file under a temporary name, then renames it: it is there wholly or not at all.
fn write_whole(folder: &Path, path: &PathBuf, text: &str) -> Result<(), AppError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| AppError::Home { path, source }
    };
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    let temporary = path.with_extension("tmp");
    std::fs::write(&temporary, text).map_err(failed(&temporary))?;
    std::fs::rename(&temporary, path).map_err(failed(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_the_configuration_changes() {
        for (before, after) in [
            ("", "\n[prices]\nbook = \"imported:1\"\n"),
            ("[prices]\n", "[prices]\nbook = \"imported:1\"\n"),
            (
                "# c\n[prices]\n# which\nbook = \"builtin\"\nundated = true\n\n[attention]\n",
                "# c\n[prices]\n# which\nbook = \"imported:1\"\nundated = true\n\n[attention]\n",
            ),
            (
                "[prices]\nundated = true\n[models]\nbook = \"a/b\"\n",
                "[prices]\nbook = \"imported:1\"\nundated = true\n[models]\nbook = \"a/b\"\n",
            ),
        ] {
            assert_eq!(with_book(before, "imported:1"), after);
        }
    }
}
