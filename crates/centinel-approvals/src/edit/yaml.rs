//! YAML and JSON with byte spans, and how their values are written.

use std::{collections::BTreeMap, ops::Range};

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

use super::{
    DEPTH_MAX, EditError, Format,
    tree::{Entry, Kind, Layout, Map, Node, Quote, Tree},
    value::{Scalar, Type, is_integer, is_number},
};

/// Words that some version of YAML reads as truth.
const TRUTH_OF_1_1: [&str; 6] = ["yes", "no", "on", "off", "y", "n"];

/// The documents of a stream.
pub(super) fn read(text: &str, format: Format) -> Result<Tree, EditError> {
    let mut options = granit_parser::options! {
        disallow_directives: true,
        emit_anchor_events: true,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    options.set_emit_comments(false);
    let mut reader = Reader {
        text,
        format,
        events: Parser::new_from_str_with_options(text, options),
        anchors: BTreeMap::new(),
        used: Vec::new(),
        pending: None,
    };
    let mut documents = reader.documents().map_err(|error| reader.explained(error))?;
    for node in &mut documents {
        share(node, &reader.anchors, &reader.used);
    }
    Ok(Tree { documents })
}

struct Reader<'t> {
    text: &'t str,
    format: Format,
    events: Parser<'t, granit_parser::StrInput<'t>>,
    /// Names of anchors by id.
    anchors: BTreeMap<usize, String>,
    /// Ids of anchors that an alias uses.
    used: Vec<usize>,
    /// An event that was looked at.
    pending: Option<(Event<'t>, Range<usize>)>,
}

impl<'t> Reader<'t> {
    fn documents(&mut self) -> Result<Vec<Node>, EditError> {
        let mut documents = Vec::new();
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                event => {
                    let node = self.node(event, span)?;
                    // Nothing between two separators is no document of anybody.
                    let is_empty = node.span.is_empty() && matches!(node.kind, Kind::Fixed { .. });
                    if !is_empty {
                        documents.push(node);
                    }
                }
            }
        }
        if self.format == Format::Json && documents.len() != 1 {
            return Err(self.syntax("one value was expected"));
        }
        Ok(documents)
    }

    /// The next event that is no anchor's name.
    fn next(&mut self) -> Result<(Event<'t>, Range<usize>), EditError> {
        if let Some(event) = self.pending.take() {
            return Ok(event);
        }
        loop {
            let Some(event) = self.events.next() else {
                return Err(self.syntax("the text ends too early"));
            };
            let (event, span) = event.map_err(|error| self.syntax(&error.to_string()))?;
            let span = span.byte_range().ok_or_else(|| self.syntax("a place is not known"))?;
            if let Event::Anchor(id, name) = event {
                self.anchors.insert(id, name.into_owned());
            } else {
                return Ok((event, span));
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: Range<usize>) -> Result<Node, EditError> {
        let anchor = event.anchor_id();
        let is_tagged = event.tag().is_some();
        let mut node = match event {
            Event::Alias(id) => {
                self.used.push(id);
                Node::fixed(
                    span,
                    "an alias, whose value stands at its anchor",
                    "edit the place of the anchor by hand: all its uses would change",
                )
            }
            Event::Scalar(value, style, ..) => {
                let source = self.text.get(span.clone()).unwrap_or_default();
                let kind = if is_tagged {
                    Kind::Fixed { what: "a value with a tag", how: "remove the tag (`!…`) first" }
                } else if source.contains('\n') {
                    Kind::Fixed {
                        what: "a text over several lines",
                        how: "write it on one line first, or make this change by hand",
                    }
                } else {
                    scalar(&value, style, self.format)
                };
                Node::new(span, kind)
            }
            Event::SequenceStart(style, ..) => self.list(style, span)?,
            Event::MappingStart(style, ..) => self.map(style, span)?,
            _ => return Err(self.syntax("a value was expected")),
        };
        // The name is known by now; whether it is used is known at the end.
        node.shared = anchor.filter(|id| *id > 0).map(|id| id.to_string());
        Ok(node)
    }

    fn list(&mut self, style: StructureStyle, open: Range<usize>) -> Result<Node, EditError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, close) => {
                    let is_flow = style == StructureStyle::Flow;
                    return Ok(Node::new(open.start..close.end, Kind::List { items, is_flow }));
                }
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn map(&mut self, style: StructureStyle, open: Range<usize>) -> Result<Node, EditError> {
        let layout = match style {
            StructureStyle::Flow => Layout::Flow,
            StructureStyle::Block => Layout::Block,
        };
        let is_template = self.text.get(open.start..).is_some_and(|rest| rest.starts_with("{{"));
        if layout == Layout::Flow && is_template && self.format == Format::Yaml {
            return Err(EditError::Template { line: line_of(self.text, open.start) });
        }
        let mut map = Map { entries: Vec::new(), layout, merges: false };
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Node::new(open.start..span.end, Kind::Map(map)));
            }
            let key = event.scalar().map(|(text, style)| (text.to_owned(), style));
            let key_span = self.node(event, span)?.span;
            let (event, span) = self.next()?;
            let node = self.node(event, span)?;
            map.merges |= key == Some(("<<".to_owned(), ScalarStyle::Plain));
            map.entries.push(Entry { key: key.map(|(text, _)| text), key_span, node });
        }
    }

    fn syntax(&self, why: &str) -> EditError {
        EditError::Syntax { format: self.format, why: super::shown_long(why) }
    }

    /// A template is said to be one, rather than to be broken.
    fn explained(&self, error: EditError) -> EditError {
        match (&error, self.text.find("{{")) {
            (EditError::Syntax { format: Format::Yaml, .. }, Some(at)) => {
                EditError::Template { line: line_of(self.text, at) }
            }
            _ => error,
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

/// Turns ids of anchors into names where an alias uses them, and drops the others.
fn share(node: &mut Node, names: &BTreeMap<usize, String>, used: &[usize]) {
    let id = node.shared.take().and_then(|id| id.parse().ok()).filter(|id| used.contains(id));
    node.shared = id.map(|id| names.get(&id).cloned().unwrap_or_default());
    match &mut node.kind {
        Kind::Map(map) => {
            for entry in &mut map.entries {
                share(&mut entry.node, names, used);
            }
        }
        Kind::List { items, .. } => {
            for item in items {
                share(item, names, used);
            }
        }
        Kind::Scalar(..) | Kind::Fixed { .. } => {}
    }
}

/// What a scalar is to every reader of YAML, or that readers disagree.
fn scalar(value: &str, style: ScalarStyle, format: Format) -> Kind {
    let quote = match style {
        ScalarStyle::Plain => Quote::Plain,
        ScalarStyle::SingleQuoted => Quote::Single,
        ScalarStyle::DoubleQuoted => Quote::Double,
        ScalarStyle::Literal | ScalarStyle::Folded => {
            return Kind::Fixed {
                what: "a block of text (`|` or `>`)",
                how: "write it on one line first, or make this change by hand",
            };
        }
    };
    if value.contains("{{") && format == Format::Yaml {
        return Kind::Fixed {
            what: "a template expression (`{{`)",
            how: "edit the value that the expression reads instead",
        };
    }
    if quote != Quote::Plain {
        return Kind::Scalar(Scalar::text(value), quote);
    }
    let lower = value.to_ascii_lowercase();
    let kind = match lower.as_str() {
        "" | "~" | "null" => {
            return Kind::Fixed { what: "null", how: "give it a value by hand first" };
        }
        "true" | "false" => {
            return Kind::Scalar(Scalar { kind: Type::Boolean, text: lower }, quote);
        }
        _ if is_integer(value) => Type::Integer,
        _ if is_number(value) || is_exponential(value) => Type::Decimal,
        lower if TRUTH_OF_1_1.contains(&lower) || is_number_like(value) => {
            return Kind::Fixed {
                what: "a value that readers of YAML take for different things",
                how: "put it in quotes if it is a text, or write it as `true`, `false` or a plain number",
            };
        }
        _ => Type::Text,
    };
    Kind::Scalar(Scalar { kind, text: value.to_owned() }, quote)
}

/// `1.5e-06`: a number to YAML 1.1 and 1.2 alike, because it has a point and a signed exponent.
fn is_exponential(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or_default();
    let is_small = (1..=3).contains(&digits.len());
    mantissa.contains('.')
        && is_number(mantissa)
        && is_small
        && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Whether some reader takes a plain text for a number, a time or a date: octal, hexadecimal,
/// sexagesimal, exponents, underscores, infinities.
fn is_number_like(text: &str) -> bool {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(rest.to_ascii_lowercase().as_str(), ".inf" | ".nan" | "inf" | "nan" | "infinity") {
        return true;
    }
    let bytes = rest.as_bytes();
    if !matches!(bytes, [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..]) {
        return false;
    }
    // A date, whatever follows.
    let is_year = bytes.get(..4).is_some_and(|year| year.iter().all(u8::is_ascii_digit));
    if is_year && matches!(bytes.get(4..6), Some([b'-', b'0'..=b'9'])) {
        return true;
    }
    if let Some(digits) = rest
        .get(2..)
        .filter(|_| matches!(bytes, [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..]))
    {
        return digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_');
    }
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    mantissa.bytes().all(|byte| byte.is_ascii_digit() || b"_.:".contains(&byte))
        && mantissa.matches('.').count() <= 1
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// A value as text of the file, in the style of the old one where that is safe.
pub(super) fn write(
    scalar: &Scalar,
    quote: Quote,
    is_in_flow: bool,
    format: Format,
) -> Result<String, &'static str> {
    if scalar.kind != Type::Text {
        return Ok(scalar.text.clone());
    }
    let text = scalar.text.as_str();
    if format == Format::Json {
        return serde_json::to_string(text).map_err(|_| "has no form in JSON");
    }
    if text.contains("{{") || text.contains("}}") || text.contains("${") {
        return Err(
            "holds a template expression (`{{` or `${`), which whatever renders the file would run",
        );
    }
    Ok(match quote {
        Quote::Plain if is_plain(text, is_in_flow) => text.to_owned(),
        Quote::Single => format!("'{}'", text.replace('\'', "''")),
        Quote::Plain | Quote::Double => {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
    })
}

/// A key as text of the file.
pub(super) fn write_key(
    key: &str,
    is_in_flow: bool,
    format: Format,
) -> Result<String, &'static str> {
    write(&Scalar::text(key), Quote::Plain, is_in_flow, format)
}

/// Whether a text without quotes is that text to every reader of YAML.
fn is_plain(text: &str, is_in_flow: bool) -> bool {
    let is_word = |lower: &str| {
        TRUTH_OF_1_1.contains(&lower) || matches!(lower, "true" | "false" | "null" | "~")
    };
    let is_indicator = |c: char| "-?:,[]{}#&*!|>'\"%@`<=~.+ ".contains(c);
    let breaks_flow = |c: char| ",[]{}:#\"'".contains(c);
    let is_structure = text.is_empty()
        || text.starts_with(is_indicator)
        || text.ends_with([' ', ':'])
        || text.contains(": ")
        || text.contains(" #")
        || (is_in_flow && text.contains(breaks_flow));
    let is_other = is_word(&text.to_ascii_lowercase())
        || is_integer(text)
        || is_number(text)
        || is_number_like(text);
    !is_structure && !is_other
}
