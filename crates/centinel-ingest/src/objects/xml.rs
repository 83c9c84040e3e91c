//! XML as object stores answer it: the text of each element, with the names that lead to it.

use quick_xml::{Reader, escape::resolve_xml_entity, events::Event};

/// What was come upon.
pub(super) enum Met<'a> {
    /// An element that holds text, ended: the names from the root, and the text.
    Text(&'a [String], String),
    /// An element ended.
    End(&'a [String]),
}

/// Deepest element that is followed.
const DEPTH_MAX: usize = 32;

/// Reads a document; entities of documents' own are not resolved, so a text cannot grow.
///
/// # Errors
///
/// What is wrong with it, in words.
pub(super) fn read(body: &[u8], mut meet: impl FnMut(Met<'_>)) -> Result<(), String> {
    let mut reader = Reader::from_reader(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
    let (mut names, mut text) = (Vec::<String>::new(), String::new());
    // `Encoded="true"` (Azure): the text is percent-encoded.
    let mut is_encoded = false;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                if names.len() == DEPTH_MAX {
                    return Err("its elements are too deep".to_owned());
                }
                names.push(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
                let encoded = start.try_get_attribute("Encoded").ok().flatten();
                is_encoded = encoded.is_some_and(|value| value.value.as_ref() == b"true");
                text.clear();
            }
            Event::Text(part) => text.push_str(&part.decode().map_err(|error| error.to_string())?),
            Event::CData(part) => {
                text.push_str(&part.decode().map_err(|error| error.to_string())?);
            }
            Event::GeneralRef(name) => {
                if let Some(letter) = name.resolve_char_ref().map_err(|error| error.to_string())? {
                    text.push(letter);
                } else {
                    let name = name.decode().map_err(|error| error.to_string())?;
                    let known = resolve_xml_entity(&name);
                    text.push_str(known.ok_or_else(|| "it has an entity of its own".to_owned())?);
                }
            }
            Event::End(_) => {
                if !text.is_empty() {
                    let text = std::mem::take(&mut text);
                    meet(Met::Text(&names, if is_encoded { decoded(&text) } else { text }));
                }
                is_encoded = false;
                meet(Met::End(&names));
                names.pop();
            }
            Event::Eof if names.is_empty() => return Ok(()),
            Event::Eof => return Err("it is cut".to_owned()),
            _ => {}
        }
    }
}

/// A percent-encoded text.
pub(super) fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// An instant, as RFC 3339 or as HTTP writes it.
pub(super) fn instant(text: &str) -> Result<jiff::Timestamp, String> {
    let text = text.trim();
    text.parse()
        .or_else(|_| jiff::fmt::rfc2822::parse(text).map(|at| at.timestamp()))
        .map_err(|_| "a time in it is none".to_owned())
}
