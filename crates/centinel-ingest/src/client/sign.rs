//! Signatures of requests, as object stores ask for them: made anew for each try, since they hold the
//! time.

mod aws;
mod azure;
mod google;

use std::fmt;

use jiff::Timestamp;
use reqwest::{
    Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use secrecy::SecretString;

pub use aws::AwsKey;
pub(crate) use azure::VERSION as AZURE_VERSION;
pub use azure::{AccountKey, SharedAccess};
pub use google::ServiceAccount;

use super::FetchError;

/// What signs a request.
#[derive(Clone)]
pub enum Signer {
    /// AWS Signature Version 4, of S3 and everything that speaks as S3 does.
    Aws(AwsKey),
    /// An account key of Azure Storage.
    AzureKey(AccountKey),
    /// A shared access signature of Azure Storage, which stands in the query.
    AzureSas(SharedAccess),
    /// A service account of Google Cloud.
    Google(ServiceAccount),
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aws(_) => "Aws",
            Self::AzureKey(_) => "AzureKey",
            Self::AzureSas(_) => "AzureSas",
            Self::Google(_) => "Google",
        })
    }
}

impl Signer {
    /// The secret, to keep it out of messages.
    pub(super) fn secret(&self) -> &SecretString {
        match self {
            Self::Aws(key) => key.secret(),
            Self::AzureKey(key) => key.secret(),
            Self::AzureSas(token) => token.secret(),
            Self::Google(account) => account.secret(),
        }
    }

    /// Signs a `GET` of a URL, with the headers that it has.
    pub(super) fn sign(
        &self,
        url: &mut Url,
        headers: &mut HeaderMap,
        now: Timestamp,
    ) -> Result<(), FetchError> {
        match self {
            Self::Aws(key) => key.sign(url, headers, now),
            Self::AzureKey(key) => key.sign(url, headers, now),
            Self::AzureSas(token) => {
                token.add_to(url);
                Ok(())
            }
            Self::Google(account) => account.sign(headers, now),
        }
    }
}

/// Sets a header of a signature.
fn set(headers: &mut HeaderMap, name: &'static str, value: &str) -> Result<(), FetchError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| FetchError::BadCredential)?;
    value.set_sensitive(true);
    headers.insert(HeaderName::from_static(name), value);
    Ok(())
}
