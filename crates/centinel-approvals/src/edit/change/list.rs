//! Lists of texts: items change in their places, or come behind the last one.

use super::{Change, Splice, described};
use crate::edit::{
    EditError, Format,
    tree::{Kind, Node, Quote},
    value::{Scalar, Type, Value},
};

impl Change<'_> {
    pub(super) fn replace_list(
        &self,
        list: &Node,
        items: &[Node],
        is_flow: bool,
        old: &Value,
        new: &[String],
    ) -> Result<Vec<Splice>, EditError> {
        let texts = self.texts(items)?;
        let is_old = matches!(old, Value::Texts(old) if old.iter().eq(&texts));
        if !is_old {
            let list = Value::Texts(texts.into_iter().map(str::to_owned).collect());
            return Err(self.differs(&list, old));
        }
        if new.len() >= items.len() && (new.len() == items.len() || starts_with(new, &texts)) {
            let mut splices = Vec::new();
            for ((item, text), new) in items.iter().zip(&texts).zip(new) {
                if text != new {
                    splices.push(self.item(item, new, is_flow)?);
                }
            }
            let more = new.get(items.len()..).unwrap_or_default();
            if let Some(last) = items.last()
                && !more.is_empty()
            {
                splices.push(self.appended(list, last, more, is_flow)?);
            }
            if !items.is_empty() {
                return Ok(splices);
            }
        }
        let is_on_one_line = !self.slice(list.span.clone()).contains(['\n', '#']);
        if is_flow && is_on_one_line {
            let text = self.written_list(new)?;
            return Ok(vec![Splice { span: list.span.clone(), text }]);
        }
        Err(self.layout(
            "in a list over several lines, items are changed or added behind the last one only",
        ))
    }

    /// The items as texts.
    fn texts<'t>(&self, items: &'t [Node]) -> Result<Vec<&'t str>, EditError> {
        let text = |node: &'t Node| match &node.kind {
            _ if node.shared.is_some() => Err(self.layout("an item of the list has an anchor")),
            Kind::Scalar(Scalar { kind: Type::Text, text }, _) => Ok(text.as_str()),
            kind => Err(EditError::Uneditable {
                path: self.path.to_string(),
                what: format!("a list that holds {}", described(kind)),
                how: "plan its items one by one, or make this change by hand",
            }),
        };
        items.iter().map(text).collect()
    }

    fn item(&self, item: &Node, new: &str, is_flow: bool) -> Result<Splice, EditError> {
        let Kind::Scalar(_, quote) = &item.kind else { return Err(self.uneditable(&item.kind)) };
        let text = self.written(&Scalar::text(new), *quote, is_flow)?;
        Ok(Splice { span: item.span.clone(), text })
    }

    /// New items behind the last one, each as the last one is written.
    fn appended(
        &self,
        list: &Node,
        last: &Node,
        more: &[String],
        is_flow: bool,
    ) -> Result<Splice, EditError> {
        let quote = match &last.kind {
            Kind::Scalar(_, quote) => *quote,
            _ => Quote::Double,
        };
        let written: Result<Vec<String>, EditError> = more
            .iter()
            .map(|text| self.written(&Scalar::text(text.as_str()), quote, is_flow))
            .collect();
        let written = written?;
        let end = last.span.end;
        if !is_flow {
            let start = self.line_start(last.span.start);
            let before = self.slice(start..last.span.start);
            let is_dash = before.trim_matches(' ') == "-";
            if !is_dash || !self.is_last_on_line(end) {
                return Err(self.layout("the last item does not stand on a line of its own"));
            }
            let lines: Vec<String> =
                written.iter().map(|text| format!("{}{before}{text}", self.line_break())).collect();
            let at = self.line_end(end);
            return Ok(Splice { span: at..at, text: lines.concat() });
        }
        let tail = self.slice(end..list.span.end.saturating_sub(1));
        let indent = self.indent(last.span.start);
        let has_comma = tail.trim() == "," && self.format != Format::Json;
        if !tail.trim().is_empty() && !has_comma {
            return Err(self.layout("a comment stands behind the last item"));
        }
        let comma = tail.find(',').map_or(0, |found| found + 1);
        let separator = match indent {
            Some(indent) => format!("{}{indent}", self.line_break()),
            None => " ".to_owned(),
        };
        let text = if has_comma {
            written.iter().map(|text| format!("{separator}{text},")).collect::<Vec<_>>().concat()
        } else {
            written.iter().map(|text| format!(",{separator}{text}")).collect::<Vec<_>>().concat()
        };
        let at = end + if has_comma { comma } else { 0 };
        Ok(Splice { span: at..at, text })
    }
}

fn starts_with(new: &[String], old: &[&str]) -> bool {
    new.iter().zip(old).all(|(new, old)| new == old)
}
