//! S3: `ListObjectsV2` and `GetObject`, at Amazon or at a store that speaks as it does.
//!
//! # Source
//!
//! Amazon S3 API Reference, "ListObjectsV2" (`encoding-type=url`: keys may hold what XML cannot) and
//! "GetObject"; AWS CLI User Guide, "Sourcing credentials with an external process" (the JSON of
//! temporary credentials). Google Cloud Storage, "Interoperability", speaks the same.

use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::{
    Access, Object, ObjectPage,
    xml::{self, Met, decoded, instant},
};
use crate::client::{Address, Auth, AwsKey, FetchError, Question, Signer};

const PAGE_OBJECTS: &str = "1000";

/// What `aws configure export-credentials` and credential processes write.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessCredentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

pub(super) fn access(bucket: &str, access: Access) -> Result<(Auth, Address), FetchError> {
    let region = access.region.unwrap_or_else(|| "us-east-1".to_owned());
    // A name with dots does not match the certificate of `*.s3…`.
    let base = match access.endpoint {
        Some(endpoint) => endpoint.encoded(bucket, &[])?,
        None if bucket.contains('.') => {
            Address::parse(&format!("https://s3.{region}.amazonaws.com/{bucket}"), false)?
        }
        None => Address::parse(&format!("https://{bucket}.s3.{region}.amazonaws.com"), false)?,
    };
    let Some(credential) = access.credential else { return Ok((Auth::None, base)) };
    let key = if credential.expose_secret().trim_start().starts_with('{') {
        let read: ProcessCredentials = serde_json::from_str(credential.expose_secret())
            .map_err(|_| FetchError::BadCredential)?;
        let token = read.session_token.map(Into::into);
        AwsKey::new(read.access_key_id, read.secret_access_key.into(), token, region)
    } else {
        AwsKey::new(access.user.unwrap_or_default(), credential, None, region)
    };
    Ok((Auth::Signed(Signer::Aws(key)), base))
}

pub(super) fn list(
    base: &Address,
    prefix: &str,
    after: Option<&str>,
) -> Result<Question, FetchError> {
    let mut query = vec![
        ("encoding-type", "url"),
        ("list-type", "2"),
        ("max-keys", PAGE_OBJECTS),
        ("prefix", prefix),
    ];
    query.extend(after.map(|after| ("continuation-token", after)));
    query.sort_unstable();
    Ok(question(base.encoded("", &query)?))
}

pub(super) fn get(base: &Address, key: &str) -> Result<Question, FetchError> {
    Ok(question(base.encoded(key, &[])?))
}

fn question(address: Address) -> Question {
    Question { headers: vec![("accept", "*/*")], ..Question::get(address) }
}

/// Reads a `ListBucketResult`.
pub(super) fn read_list(body: &[u8]) -> Result<ObjectPage, String> {
    #[derive(Default)]
    struct Entry {
        key: Option<String>,
        modified: Option<String>,
        tag: Option<String>,
        bytes: Option<String>,
    }
    let (mut entries, mut entry) = (Vec::new(), Entry::default());
    let (mut next, mut is_cut, mut is_encoded, mut is_list) = (None, false, false, false);
    xml::read(body, |met| match met {
        Met::Text(names, text) => match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["ListBucketResult", "Contents", name] => match name {
                "Key" => entry.key = Some(text),
                "LastModified" => entry.modified = Some(text),
                "ETag" => entry.tag = Some(text),
                "Size" => entry.bytes = Some(text),
                _ => {}
            },
            ["ListBucketResult", "NextContinuationToken"] => next = Some(text),
            ["ListBucketResult", "IsTruncated"] => is_cut = text.trim() == "true",
            ["ListBucketResult", "EncodingType"] => is_encoded = text.trim() == "url",
            _ => {}
        },
        Met::End(names) => match names {
            [_, contents] if contents == "Contents" => entries.push(std::mem::take(&mut entry)),
            [root] => is_list = root == "ListBucketResult",
            _ => {}
        },
    })?;
    if !is_list {
        return Err("it is no list of objects".to_owned());
    }
    let objects = entries.into_iter().map(|entry| {
        let Entry { key: Some(key), modified: Some(modified), bytes: Some(bytes), tag } = entry
        else {
            return Err("an object has no key, size or time".to_owned());
        };
        let bytes: u64 = bytes.trim().parse().map_err(|_| "a size is no number".to_owned())?;
        // A space is `+` here, as in a form.
        let key = if is_encoded { decoded(&key.replace('+', " ")) } else { key };
        let version = tag.unwrap_or_else(|| format!("{modified} {bytes}"));
        Ok(Object { key, version, bytes, modified: instant(&modified)? })
    });
    Ok(ObjectPage {
        objects: objects.collect::<Result<_, String>>()?,
        next: next.filter(|_| is_cut),
        date: None,
    })
}
