//! HCL (Terraform, OpenTofu) with byte spans, and how its values are written.

use std::ops::Range;

use hcl_edit::{
    Span as _,
    expr::{Array, Expression, Object, ObjectKey},
    structure::{Block, Body, Structure},
};

use super::{
    EditError, Format,
    tree::{Entry, Kind, Layout, Map, Node, Quote, Tree},
    value::{Scalar, Type, is_integer, is_number},
};

/// A module or variable file.
pub(super) fn read(text: &str) -> Result<Tree, EditError> {
    let body = hcl_edit::parser::parse_body(text).map_err(|error| EditError::Syntax {
        format: Format::Hcl,
        why: super::shown_long(&format!("line {}: {}", error.location().line(), error.message())),
    })?;
    let map = Reader { text }.body(&body, None);
    Ok(Tree { documents: vec![Node::new(0..text.len(), Kind::Map(map))] })
}

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn body(&self, body: &Body, open: Option<usize>) -> Map {
        let entries = body
            .iter()
            .map(|structure| match structure {
                Structure::Attribute(attribute) => Entry {
                    key: Some(attribute.key.as_str().to_owned()),
                    key_span: attribute.key.span().unwrap_or_default(),
                    node: self.expression(&attribute.value),
                },
                Structure::Block(block) => self.block(block),
            })
            .collect();
        Map { entries, layout: Layout::Lines { open }, merges: false }
    }

    /// A block as an entry by its type, with an entry by each label in it.
    fn block(&self, block: &Block) -> Entry {
        let ident = block.ident.span().unwrap_or_default();
        let labels: Vec<(&str, Range<usize>)> = block
            .labels
            .iter()
            .map(|label| (label.as_str(), label.span().unwrap_or_default()))
            .collect();
        let head_end = labels.last().map_or(ident.end, |(_, span)| span.end);
        let brace = self.text.get(head_end..).and_then(|rest| rest.find('{'));
        let open = brace.map_or(head_end, |found| head_end + found + 1);
        let span = block.span().unwrap_or_default();
        let mut node = Node::new(span.clone(), Kind::Map(self.body(&block.body, Some(open))));
        for (label, key_span) in labels.into_iter().rev() {
            let entry = Entry { key: Some(label.to_owned()), key_span, node };
            let map = Map { entries: vec![entry], layout: Layout::Words, merges: false };
            node = Node::new(span.clone(), Kind::Map(map));
        }
        Entry { key: Some(block.ident.as_str().to_owned()), key_span: ident, node }
    }

    fn expression(&self, expression: &Expression) -> Node {
        let Some(span) = expression.span() else {
            return Node::fixed(0..0, "an expression without a place", "make this change by hand");
        };
        let source = self.text.get(span.clone()).unwrap_or_default();
        let kind = match expression {
            Expression::String(text) => string(text.as_str(), source),
            Expression::Bool(truth) => {
                let text = truth.value().to_string();
                Kind::Scalar(Scalar { kind: Type::Boolean, text }, Quote::Plain)
            }
            Expression::Number(_) | Expression::UnaryOp(_) if is_number(source) => {
                let kind = if is_integer(source) { Type::Integer } else { Type::Decimal };
                Kind::Scalar(Scalar { kind, text: source.to_owned() }, Quote::Plain)
            }
            Expression::Number(_) => Kind::Fixed {
                what: "a number in another than the plain spelling",
                how: "write it as plain digits first",
            },
            Expression::Array(array) => self.array(array),
            Expression::Object(object) => self.object(object),
            Expression::Null(_) => {
                Kind::Fixed { what: "null", how: "give it a value by hand first" }
            }
            Expression::StringTemplate(_) => Kind::Fixed {
                what: "a text with template expressions (`${…}`)",
                how: "edit the value that the expression names instead",
            },
            Expression::HeredocTemplate(_) => Kind::Fixed {
                what: "a text over several lines (`<<`)",
                how: "make this change by hand",
            },
            Expression::Variable(_) | Expression::Traversal(_) => Kind::Fixed {
                what: "a reference to another value",
                how: "edit the variable, local or output that it names instead",
            },
            Expression::FuncCall(_) => Kind::Fixed {
                what: "the result of a function call",
                how: "edit the arguments of the call by hand",
            },
            _ => Kind::Fixed { what: "a computed expression", how: "make this change by hand" },
        };
        Node::new(span, kind)
    }

    fn array(&self, array: &Array) -> Kind {
        let items = array.iter().map(|item| self.expression(item)).collect();
        Kind::List { items, is_flow: true }
    }

    fn object(&self, object: &Object) -> Kind {
        let entries = object
            .iter()
            .map(|(key, value)| {
                let (key, key_span) = match key {
                    ObjectKey::Ident(ident) => (Some(ident.as_str().to_owned()), ident.span()),
                    ObjectKey::Expression(key) => (key.as_str().map(str::to_owned), key.span()),
                };
                let node = self.expression(value.expr());
                Entry { key, key_span: key_span.unwrap_or_default(), node }
            })
            .collect();
        Kind::Map(Map { entries, layout: Layout::Flow, merges: false })
    }
}

/// A text in quotes, or one over several lines.
fn string(text: &str, source: &str) -> Kind {
    if source.starts_with('"') && !source.contains('\n') {
        Kind::Scalar(Scalar::text(text), Quote::Double)
    } else {
        Kind::Fixed { what: "a text over several lines", how: "make this change by hand" }
    }
}

/// A value as text of the file.
pub(super) fn write(scalar: &Scalar) -> Result<String, &'static str> {
    if scalar.kind != Type::Text {
        return Ok(scalar.text.clone());
    }
    let text = scalar.text.as_str();
    // Readers disagree about where the escape of an escape ends.
    if text.contains("$${") || text.contains("%%{") {
        return Err("holds an escaped template expression (`$${` or `%%{`)");
    }
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    Ok(format!("\"{}\"", text.replace("${", "$${").replace("%{", "%%{")))
}

/// A key as text of the file: bare where it is an identifier, quoted where an object allows it.
pub(super) fn write_key(key: &str, is_in_object: bool) -> Result<String, &'static str> {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_rest = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if key.starts_with(is_first) && key.chars().all(is_rest) {
        return Ok(key.to_owned());
    }
    if is_in_object {
        return write(&Scalar::text(key));
    }
    Err("needs a key of letters, digits, `_` and `-`")
}
