//! What the pages of a list have in common: where it goes on, and that it ends.

use std::collections::HashSet;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::client::{Answer, FetchError};

/// A body on one line. A line break in JSON stands between tokens only, so nothing is lost, and
/// several bodies can stand one a line.
pub(crate) fn one_line(body: &[u8]) -> Vec<u8> {
    body.strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(body)
        .iter()
        .map(|&byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte })
        .collect()
}

/// Reads a body, or says in what it differs from what is documented.
pub(crate) fn parse<'a, T: Deserialize<'a>>(
    answer: &'a Answer,
    address: &str,
) -> Result<T, FetchError> {
    let seems = match answer.body.trim_ascii_start().first() {
        None => Some("it is empty"),
        Some(b'<') => Some("it is HTML or XML, perhaps a login page"),
        Some(_) => None,
    };
    let failed = |reason: String| FetchError::Payload { address: address.to_owned(), reason };
    if let Some(seems) = seems {
        return Err(failed(seems.to_owned()));
    }
    serde_json::from_slice(&answer.body).map_err(|error| failed(error.to_string()))
}

/// The pages of one list: known ones are read once, and a list that only repeats itself ends.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    bodies: HashSet<[u8; 32]>,
    tokens: HashSet<String>,
    read: u32,
    repeated_in_a_row: u32,
}

/// How often in a row a known page may come before the list is given up.
const REPEATED_MAX: u32 = 3;

impl Pages {
    /// Whether a page is new.
    pub(crate) fn is_new(
        &mut self,
        answer: &Answer,
        pages_max: u32,
        address: &str,
    ) -> Result<bool, FetchError> {
        self.read += 1;
        let is_new = self.bodies.insert(Sha256::digest(&answer.body).into());
        self.repeated_in_a_row = if is_new { 0 } else { self.repeated_in_a_row + 1 };
        if self.repeated_in_a_row >= REPEATED_MAX || self.read > pages_max {
            return Err(FetchError::Repeats { address: address.to_owned(), pages: self.read });
        }
        Ok(is_new)
    }

    /// Goes on at a token; one that was there before would lead in a circle.
    pub(crate) fn follow(&mut self, token: &str, address: &str) -> Result<(), FetchError> {
        if self.tokens.insert(token.to_owned()) {
            return Ok(());
        }
        Err(FetchError::Repeats { address: address.to_owned(), pages: self.read })
    }
}
