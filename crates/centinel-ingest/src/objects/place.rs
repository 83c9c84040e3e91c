//! Where objects are: `s3://bucket/prefix`, `az://container/prefix`, `gs://bucket/prefix`,
//! `file:///folder`.

use std::{fmt, path::PathBuf, str::FromStr};

/// A bucket, container or folder, and what the keys in it start with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// S3, and everything that speaks as it does.
    S3 {
        /// The bucket.
        bucket: String,
        /// What keys start with; may be empty.
        prefix: String,
    },
    /// Azure Blob storage; the account is told apart.
    Azure {
        /// The container.
        container: String,
        /// What names start with; may be empty.
        prefix: String,
    },
    /// Google Cloud Storage.
    Google {
        /// The bucket.
        bucket: String,
        /// What names start with; may be empty.
        prefix: String,
    },
    /// A folder of this machine.
    Folder {
        /// Its path, absolute.
        path: PathBuf,
    },
}

/// A text that names no place of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "objects are at `s3://bucket/prefix`, `az://container/prefix`, `gs://bucket/prefix` or \
     `file:///folder`"
)]
pub struct PlaceError;

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(PlaceError)?;
        if scheme == "file" {
            let path = PathBuf::from(rest);
            return if path.is_absolute() { Ok(Self::Folder { path }) } else { Err(PlaceError) };
        }
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        // A user, a password or parameters have no place in it, and buckets have none of these.
        let is_name = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.$".contains(&b));
        if !is_name {
            return Err(PlaceError);
        }
        let (name, prefix) = (name.to_owned(), prefix.to_owned());
        match scheme {
            "s3" => Ok(Self::S3 { bucket: name, prefix }),
            "az" => Ok(Self::Azure { container: name, prefix }),
            "gs" => Ok(Self::Google { bucket: name, prefix }),
            _ => Err(PlaceError),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
            Self::Azure { container, prefix } => write!(f, "az://{container}/{prefix}"),
            Self::Google { bucket, prefix } => write!(f, "gs://{bucket}/{prefix}"),
            Self::Folder { path } => write!(f, "file://{}", path.display()),
        }
    }
}

impl Place {
    /// Whether a key is meant: the prefix itself, or below it as below a folder. `bills` is not the
    /// start of `bills-of-others/…`, though stores would list it.
    pub(super) fn holds(&self, key: &str) -> bool {
        let prefix = match self {
            Self::S3 { prefix, .. } | Self::Azure { prefix, .. } | Self::Google { prefix, .. } => {
                prefix.as_str()
            }
            Self::Folder { .. } => "",
        };
        let Some(rest) = key.strip_prefix(prefix) else { return false };
        prefix.is_empty() || prefix.ends_with('/') || rest.is_empty() || rest.starts_with('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_shown() {
        for text in ["s3://bills/cur/2026", "s3://bills/", "az://$logs/a b", "gs://b.example/x/"] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        assert_eq!("s3://bills".parse::<Place>().unwrap().to_string(), "s3://bills/");
        for text in [
            "bills",
            "s3://",
            "s3://key:hunter2@bills/",
            "ftp://bills/",
            "file://folder",
            "s3:///x",
        ] {
            assert_eq!(text.parse::<Place>(), Err(PlaceError), "{text}");
        }
    }

    #[test]
    fn a_prefix_is_a_folder() {
        for (prefix, key, expected) in [
            ("", "a/b.csv", true),
            ("bills", "bills/a.csv", true),
            ("bills", "bills-of-others/a.csv", false),
            ("bills/", "bills/a.csv", true),
            ("bills/a.csv", "bills/a.csv", true),
        ] {
            let place: Place = format!("s3://b/{prefix}").parse().unwrap();
            assert_eq!(place.holds(key), expected, "{prefix} {key}");
        }
    }
}
