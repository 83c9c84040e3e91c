//! YAML, read by libyaml; what a plain scalar is, YAML 1.1 and 1.2 must agree about.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use libyaml_safer::{Encoding, Event, EventData, Parser, ScalarStyle};
use regex_lite::Regex;

use super::{DEPTH_MAX, File, Leaf, Reading};

/// Booleans, numbers, null and the rest as PyYAML resolves them.
///
/// # Source
///
/// YAML 1.1 type repository (bool, float, int, merge, null, timestamp, value), in the form of PyYAML's
/// `resolver.py`; `y` and `n`, which PyYAML leaves out, from the type repository.
const BOOLEAN_1_1: &str =
    "^(?:y|Y|n|N|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$";
const FLOAT_1_1: &str = r"^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$";
const INTEGER_1_1: &str = r"^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$";
const ODD_1_1: &str = r"^(?:<<|=|~|null|Null|NULL||[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)[0-9][0-9]?:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9]{2})?))?)$";
/// The core schema.
///
/// # Source
///
/// YAML 1.2.2, section 10.3.2.
const BOOLEAN_1_2: &str = "^(?:true|True|TRUE|false|False|FALSE)$";
const NUMBER_1_2: &str = r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?(?:\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN)$";
const NULL_1_2: &str = "^(?:null|Null|NULL|~|)$";

/// Longest plain scalar that may be something else than text, in bytes.
const PLAIN_WORD_MAX: usize = 256;

/// The documents of a stream.
pub(super) fn read(text: &str) -> Result<File, String> {
    // The library is a port of C and asserts what it believes; a belief that does not hold refuses the
    // edit and nothing else.
    catch_unwind(AssertUnwindSafe(|| stream(text)))
        .unwrap_or_else(|_| Err("libyaml gave up on the text".to_owned()))
}

fn stream(text: &str) -> Result<File, String> {
    // The library stumbles over a block of text that the end of the file cuts off.
    let text = if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
    let mut bytes = text.as_bytes();
    let mut parser = Parser::new();
    // Said, because a guess takes any text that begins with U+FFFx for one with a byte order mark.
    parser.set_encoding(Encoding::Utf8);
    parser.set_input_string(&mut bytes);
    let mut reader = Reader { parser, marks: Vec::new() };
    let mut documents = Vec::new();
    loop {
        match reader.next()?.data {
            EventData::StreamStart { .. } | EventData::DocumentEnd { .. } => {}
            EventData::DocumentStart { implicit, .. } => {
                reader.marks.push(format!("document {implicit}"));
            }
            EventData::StreamEnd => return Ok(File { documents, marks: reader.marks }),
            event => documents.push(reader.node(event, 0)?),
        }
    }
}

struct Reader<'t, 'b> {
    parser: Parser<&'b mut &'t [u8]>,
    marks: Vec<String>,
}

impl Reader<'_, '_> {
    fn next(&mut self) -> Result<Event, String> {
        self.parser.parse().map_err(|error| error.to_string())
    }

    fn node(&mut self, event: EventData, depth: usize) -> Result<Reading, String> {
        if depth > DEPTH_MAX {
            return Err("nested too deeply".to_owned());
        }
        Ok(match event {
            EventData::Alias { anchor } => Reading::Leaf(Leaf::Other, format!("*{anchor}")),
            EventData::Scalar { anchor, tag, value, style, .. } => {
                self.mark(anchor, None);
                match tag {
                    Some(tag) => Reading::Leaf(Leaf::Other, format!("{tag} {value}")),
                    None if style == ScalarStyle::Plain => plain(value),
                    None => Reading::Leaf(Leaf::Text, value),
                }
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                self.mark(anchor, tag);
                let mut items = Vec::new();
                loop {
                    match self.next()?.data {
                        EventData::SequenceEnd => break Reading::List(items),
                        event => items.push(self.node(event, depth + 1)?),
                    }
                }
            }
            EventData::MappingStart { anchor, tag, .. } => {
                self.mark(anchor, tag);
                let mut entries = Vec::new();
                loop {
                    let key = match self.next()?.data {
                        EventData::MappingEnd => break Reading::Map(entries),
                        EventData::Scalar { anchor, tag: None, value, .. } => {
                            self.mark(anchor, None);
                            value
                        }
                        // No path leads through such a key; it still has to stay as it is.
                        event => format!("\0{:?}", self.node(event, depth + 1)?),
                    };
                    let event = self.next()?.data;
                    entries.push((key, self.node(event, depth + 1)?));
                }
            }
            _ => return Err("a value was expected".to_owned()),
        })
    }

    fn mark(&mut self, anchor: Option<String>, tag: Option<String>) {
        self.marks.extend(anchor.map(|anchor| format!("&{anchor}")));
        self.marks.extend(tag);
    }
}

/// A plain scalar as both versions of YAML take it.
fn plain(value: String) -> Reading {
    static RULES: LazyLock<Option<[Regex; 7]>> = LazyLock::new(|| {
        let rule = |pattern| Regex::new(pattern).ok();
        Some([
            rule(BOOLEAN_1_1)?,
            rule(FLOAT_1_1)?,
            rule(INTEGER_1_1)?,
            rule(ODD_1_1)?,
            rule(BOOLEAN_1_2)?,
            rule(NUMBER_1_2)?,
            rule(NULL_1_2)?,
        ])
    });
    // No number, date or word of YAML is that long, and rules over long texts cost time.
    if value.len() > PLAIN_WORD_MAX {
        return Reading::Leaf(Leaf::Text, value);
    }
    let Some([boolean_1_1, float_1_1, integer_1_1, odd_1_1, boolean_1_2, number_1_2, null_1_2]) =
        &*RULES
    else {
        return Reading::Leaf(Leaf::Other, value);
    };
    let old = if boolean_1_1.is_match(&value) {
        Leaf::Boolean
    } else if float_1_1.is_match(&value) || integer_1_1.is_match(&value) {
        Leaf::Number
    } else if odd_1_1.is_match(&value) {
        Leaf::Other
    } else {
        Leaf::Text
    };
    let new = if boolean_1_2.is_match(&value) {
        Leaf::Boolean
    } else if number_1_2.is_match(&value) {
        Leaf::Number
    } else if null_1_2.is_match(&value) {
        Leaf::Other
    } else {
        Leaf::Text
    };
    match (old, new) {
        (Leaf::Boolean, Leaf::Boolean) => Reading::Leaf(Leaf::Boolean, value.to_ascii_lowercase()),
        // `010` is eight to the one and ten to the other.
        (Leaf::Number, Leaf::Number) if !is_octal(&value) => Reading::Leaf(Leaf::Number, value),
        (Leaf::Text, Leaf::Text) => Reading::Leaf(Leaf::Text, value),
        _ => Reading::Leaf(Leaf::Other, value),
    }
}

fn is_octal(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-']);
    digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}
