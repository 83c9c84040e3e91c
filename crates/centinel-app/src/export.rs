//! The ledger out of the house: as a FOCUS dataset, whole or not at all.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use centinel_ledger::{ExportReport, FocusExport};

use crate::{App, AppError};

/// What an export left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// What was written.
    pub report: ExportReport,
    /// The call log with the calls that have no price, where there are any and a file was asked for.
    pub unpriced_file: Option<PathBuf>,
}

impl App {
    /// Writes the ledger as a FOCUS dataset into a file; `.gz` and `.zst` are compressed. Calls without a
    /// price go into `FILE.unpriced.jsonl` beside it (the dataset's name without its suffixes).
    ///
    /// The files appear when they are complete; a file of the same name is replaced.
    ///
    /// # Errors
    ///
    /// [`AppError::Home`] when a file cannot be written, [`AppError::Ledger`]; no file is left then.
    pub async fn export_focus_file(
        &self,
        export: &FocusExport,
        path: &Path,
    ) -> Result<Exported, AppError> {
        let unpriced_path = unpriced_path(path);
        let mut dataset = Draft::create(path)?;
        let mut unpriced = Draft::create(&unpriced_path)?;
        let report = self.ledger.export_focus(export, &mut dataset, &mut unpriced).await?;
        let has_unpriced = report.unpriced_calls > 0;
        if has_unpriced {
            unpriced.keep()?;
        }
        dataset.keep()?;
        Ok(Exported { report, unpriced_file: has_unpriced.then_some(unpriced_path) })
    }

    /// Writes the ledger as a FOCUS dataset to a stream. Calls without a price are counted only.
    ///
    /// # Errors
    ///
    /// [`AppError::Ledger`].
    pub async fn export_focus(
        &self,
        export: &FocusExport,
        out: &mut dyn Write,
    ) -> Result<Exported, AppError> {
        let report = self.ledger.export_focus(export, out, &mut io::sink()).await?;
        Ok(Exported { report, unpriced_file: None })
    }
}

/// `focus.csv.gz` has its calls without a price in `focus.unpriced.jsonl.gz`.
fn unpriced_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (name, packed) = match name.rsplit_once('.') {
        Some((rest, suffix)) if is_packed(suffix) => (rest, format!(".{suffix}")),
        _ => (name.as_ref(), String::new()),
    };
    let stem = match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    };
    path.with_file_name(format!("{stem}.unpriced.jsonl{packed}"))
}

fn is_packed(suffix: &str) -> bool {
    suffix.eq_ignore_ascii_case("gz") || suffix.eq_ignore_ascii_case("zst")
}

/// A file under a temporary name, compressed by its suffix; removed unless it is kept.
struct Draft {
    path: PathBuf,
    temporary: PathBuf,
    out: Option<Packed>,
}

enum Packed {
    Plain(BufWriter<File>),
    Gzip(flate2::write::GzEncoder<BufWriter<File>>),
    Zstd(zstd::Encoder<'static, BufWriter<File>>),
}

impl Draft {
    fn create(path: &Path) -> Result<Self, AppError> {
        let failed = |source| AppError::Home { path: path.to_owned(), source };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = path.with_file_name(format!(".{name}.partial"));
        let file = BufWriter::with_capacity(1 << 18, File::create(&temporary).map_err(failed)?);
        let suffix = path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
        let out = match suffix.to_ascii_lowercase().as_str() {
            "gz" => {
                Packed::Gzip(flate2::write::GzEncoder::new(file, flate2::Compression::default()))
            }
            "zst" => Packed::Zstd(zstd::Encoder::new(file, 3).map_err(failed)?),
            _ => Packed::Plain(file),
        };
        Ok(Self { path: path.to_owned(), temporary, out: Some(out) })
    }

    /// Completes the file and gives it its name.
    fn keep(mut self) -> Result<(), AppError> {
        let failed = |source| AppError::Home { path: self.path.clone(), source };
        let Some(out) = self.out.take() else { return Ok(()) };
        let file = match out {
            Packed::Plain(file) => file,
            Packed::Gzip(encoder) => encoder.finish().map_err(failed)?,
            Packed::Zstd(encoder) => encoder.finish().map_err(failed)?,
        };
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&self.temporary, &self.path).map_err(failed)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already when it was kept.
        drop(self.out.take());
        let _ = std::fs::remove_file(&self.temporary);
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Some(Packed::Plain(out)) => out.write(bytes),
            Some(Packed::Gzip(out)) => out.write(bytes),
            Some(Packed::Zstd(out)) => out.write(bytes),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        // What is compressed is whole only at the end, so there is nothing to hand on before.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_without_a_price_stand_beside_the_dataset() {
        for (path, expected) in [
            ("a/focus.csv", "a/focus.unpriced.jsonl"),
            ("focus.csv.gz", "focus.unpriced.jsonl.gz"),
            ("focus-2026.10.csv.zst", "focus-2026.10.unpriced.jsonl.zst"),
            ("focus", "focus.unpriced.jsonl"),
            (".csv", ".csv.unpriced.jsonl"),
        ] {
            assert_eq!(unpriced_path(Path::new(path)), Path::new(expected), "{path}");
        }
    }

    #[test]
    fn a_draft_that_is_not_kept_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv.gz");
        Draft::create(&path).unwrap().write_all(b"x").unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut kept = Draft::create(&path).unwrap();
        kept.write_all(b"x").unwrap();
        kept.keep().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
