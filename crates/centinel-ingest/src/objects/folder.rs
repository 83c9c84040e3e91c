//! A folder of this machine, as something else keeps it in step with a bucket.

use std::{fs, path::Path};

use jiff::Timestamp;

use super::Object;
use crate::client::FetchError;

/// Most files of a folder.
const FILES_MAX: usize = 500_000;
/// Deepest folder below the one asked for.
const DEPTH_MAX: usize = 32;

/// Every file below a folder, by path. Links are passed over.
pub(super) fn list(root: &Path) -> Result<Vec<Object>, FetchError> {
    let failed = |path: &Path, error: &std::io::Error| FetchError::Folder {
        path: path.display().to_string(),
        reason: error.to_string().to_lowercase(),
    };
    let mut objects = Vec::new();
    let mut folders = vec![(root.to_owned(), 0_usize)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| failed(&folder, &error))? {
            let entry = entry.map_err(|error| failed(&folder, &error))?;
            let path = entry.path();
            let metadata = entry.metadata().map_err(|error| failed(&path, &error))?;
            if metadata.is_dir() && depth < DEPTH_MAX {
                folders.push((path, depth + 1));
            } else if metadata.is_file()
                && let Some(key) = path.strip_prefix(root).ok().and_then(Path::to_str)
            {
                let modified = metadata.modified().map_err(|error| failed(&path, &error))?;
                let modified = Timestamp::try_from(modified).unwrap_or_default();
                let bytes = metadata.len();
                let version = format!("{modified} {bytes}");
                objects.push(Object { key: key.replace('\\', "/"), version, bytes, modified });
            }
            if objects.len() > FILES_MAX {
                let address = format!("file://{}", root.display());
                return Err(FetchError::TooMany { address, objects: FILES_MAX });
            }
        }
    }
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(objects)
}
