//! Google Cloud Storage: `objects.list` and `objects.get` of the JSON API.
//!
//! # Source
//!
//! Cloud Storage JSON API v1, "Objects: list" and "Objects: get" (`alt=media`), "Encoding URI path
//! parts": the slashes of a name are encoded.

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::{Access, Object, ObjectPage};
use crate::client::{Address, Auth, FetchError, Question, ServiceAccount, Signer};

const PAGE_OBJECTS: &str = "1000";

pub(super) fn access(access: Access) -> Result<(Auth, Address), FetchError> {
    let base = match access.endpoint {
        Some(endpoint) => endpoint,
        None => Address::parse("https://storage.googleapis.com", false)?,
    };
    let auth = match access.credential {
        None => Auth::None,
        Some(file) if file.expose_secret().trim_start().starts_with('{') => {
            Auth::Signed(Signer::Google(ServiceAccount::from_key_file(&file)?))
        }
        Some(token) => Auth::Bearer(token),
    };
    Ok((auth, base))
}

pub(super) fn list(
    base: &Address,
    bucket: &str,
    prefix: &str,
    after: Option<&str>,
) -> Result<Question, FetchError> {
    let mut query = vec![
        ("fields", "items(name,size,updated,generation),nextPageToken"),
        ("maxResults", PAGE_OBJECTS),
        ("prefix", prefix),
    ];
    query.extend(after.map(|after| ("pageToken", after)));
    Ok(Question::get(base.encoded(&format!("storage/v1/b/{bucket}/o"), &query)?))
}

pub(super) fn get(base: &Address, bucket: &str, key: &str) -> Result<Question, FetchError> {
    let path = format!("storage/v1/b/{bucket}/o");
    let address = base.encoded_below(&path, key, &[("alt", "media")])?;
    Ok(Question { headers: vec![("accept", "*/*")], ..Question::get(address) })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    #[serde(default)]
    items: Vec<Item>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    name: String,
    // A 64-bit number, which the API writes as text.
    size: String,
    updated: Timestamp,
    generation: String,
}

/// Reads a list.
pub(super) fn read_list(body: &[u8]) -> Result<ObjectPage, String> {
    let list: List = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let objects = list.items.into_iter().map(|item| {
        let bytes = item.size.parse().map_err(|_| "a size is no number".to_owned())?;
        let Item { name: key, updated: modified, generation: version, .. } = item;
        Ok(Object { key, version, bytes, modified })
    });
    Ok(ObjectPage {
        objects: objects.collect::<Result<_, String>>()?,
        next: list.next_page_token,
        date: None,
    })
}
