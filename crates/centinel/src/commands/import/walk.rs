//! The files of a folder that may be read.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::failure::hinted;

/// Most files of one folder.
const FILES_MAX: usize = 100_000;
/// Deepest folder below the one asked for.
const DEPTH_MAX: usize = 32;
/// Suffixes of files that hold rows, with or without compression.
const SUFFIXES: [&str; 6] = ["json", "jsonl", "ndjson", "csv", "tsv", "parquet"];

/// Files below a folder by path, so that one order holds everywhere: earlier sessions, which later
/// ones copy from, come first where names start with dates. Hidden names and links are passed over.
///
/// # Errors
///
/// A folder that cannot be read, or more files than are imported at once.
pub(super) fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0_usize)];
    while let Some((folder, depth)) = folders.pop() {
        let failed = || format!("cannot read folder `{}`", folder.display());
        for entry in std::fs::read_dir(&folder).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            let kind = entry.file_type().with_context(failed)?;
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if kind.is_dir() && depth < DEPTH_MAX {
                folders.push((path, depth + 1));
            } else if kind.is_file() && has_rows(&path) {
                files.push(path);
            }
            if files.len() > FILES_MAX {
                return Err(hinted(
                    format!("`{}` has more than {FILES_MAX} files", folder.display()),
                    "import its folders one by one",
                ));
            }
        }
    }
    files.sort();
    Ok(files)
}

fn has_rows(path: &Path) -> bool {
    let suffix = |path: &Path| path.extension().map(|s| s.to_string_lossy().to_ascii_lowercase());
    let outer = suffix(path);
    let inner = match outer.as_deref() {
        Some("gz" | "zst") => suffix(Path::new(path.file_stem().unwrap_or_default())),
        _ => outer,
    };
    inner.is_some_and(|suffix| SUFFIXES.contains(&suffix.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_rows_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("b/deep")).unwrap();
        std::fs::create_dir(root.join(".git")).unwrap();
        for name in ["b/deep/z.jsonl", "a.json.gz", "b/a.CSV", "c.txt", ".git/x.json", ".h.json"] {
            std::fs::write(root.join(name), "").unwrap();
        }
        let found: Vec<_> = files_below(root)
            .unwrap()
            .iter()
            .map(|path| path.strip_prefix(root).unwrap().display().to_string())
            .collect();
        assert_eq!(found, ["a.json.gz", "b/a.CSV", "b/deep/z.jsonl"]);
        assert!(files_below(&root.join("none")).is_err());
    }
}
