//! Azure Blob storage: `List Blobs` and `Get Blob`.
//!
//! # Source
//!
//! Azure Storage Services REST API Reference, "List Blobs" (names that XML cannot hold are encoded,
//! since 2021-02-12) and "Get Blob".

use secrecy::ExposeSecret as _;

use super::{
    Access, Object, ObjectPage,
    xml::{self, Met, instant},
};
use crate::client::{
    AZURE_VERSION, AccountKey, Address, Auth, FetchError, Question, SharedAccess, Signer,
};

const PAGE_BLOBS: &str = "5000";

pub(super) fn access(container: &str, access: Access) -> Result<(Auth, Address), FetchError> {
    let account = access.user.unwrap_or_default();
    let base = match access.endpoint {
        Some(endpoint) => endpoint,
        None => Address::parse(&format!("https://{account}.blob.core.windows.net"), false)?,
    };
    let auth = match access.credential {
        None => Auth::None,
        // A shared access signature is parameters, one of which is `sig`; a key is base64.
        Some(token) if token.expose_secret().contains("sig=") => {
            Auth::Signed(Signer::AzureSas(SharedAccess::new(token)))
        }
        Some(key) => Auth::Signed(Signer::AzureKey(AccountKey::new(account, key))),
    };
    Ok((auth, base.encoded(container, &[])?))
}

pub(super) fn list(
    base: &Address,
    prefix: &str,
    after: Option<&str>,
) -> Result<Question, FetchError> {
    let mut query = vec![
        ("restype", "container"),
        ("comp", "list"),
        ("maxresults", PAGE_BLOBS),
        ("prefix", prefix),
    ];
    query.extend(after.map(|after| ("marker", after)));
    Ok(question(base.encoded("", &query)?))
}

pub(super) fn get(base: &Address, key: &str) -> Result<Question, FetchError> {
    Ok(question(base.encoded(key, &[])?))
}

fn question(address: Address) -> Question {
    let headers = vec![("accept", "*/*"), ("x-ms-version", AZURE_VERSION)];
    Question { headers, ..Question::get(address) }
}

/// Reads an `EnumerationResults`.
pub(super) fn read_list(body: &[u8]) -> Result<ObjectPage, String> {
    #[derive(Default)]
    struct Entry {
        name: Option<String>,
        modified: Option<String>,
        tag: Option<String>,
        bytes: Option<String>,
    }
    let (mut entries, mut entry, mut next, mut is_list) =
        (Vec::new(), Entry::default(), None, false);
    xml::read(body, |met| match met {
        Met::Text(names, text) => match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["EnumerationResults", "Blobs", "Blob", "Name"] => entry.name = Some(text),
            ["EnumerationResults", "Blobs", "Blob", "Properties", name] => match name {
                "Last-Modified" => entry.modified = Some(text),
                "Etag" => entry.tag = Some(text),
                "Content-Length" => entry.bytes = Some(text),
                _ => {}
            },
            ["EnumerationResults", "NextMarker"] => next = Some(text),
            _ => {}
        },
        Met::End(names) => match names {
            [_, _, blob] if blob == "Blob" => entries.push(std::mem::take(&mut entry)),
            [root] => is_list = root == "EnumerationResults",
            _ => {}
        },
    })?;
    if !is_list {
        return Err("it is no list of blobs".to_owned());
    }
    let objects = entries.into_iter().map(|entry| {
        let Entry { name: Some(key), modified: Some(modified), bytes: Some(bytes), tag } = entry
        else {
            return Err("a blob has no name, length or time".to_owned());
        };
        let bytes: u64 = bytes.trim().parse().map_err(|_| "a length is no number".to_owned())?;
        let version = tag.unwrap_or_else(|| format!("{modified} {bytes}"));
        Ok(Object { key, version, bytes, modified: instant(&modified)? })
    });
    Ok(ObjectPage {
        objects: objects.collect::<Result<_, String>>()?,
        next: next.filter(|next| !next.trim().is_empty()),
        date: None,
    })
}
