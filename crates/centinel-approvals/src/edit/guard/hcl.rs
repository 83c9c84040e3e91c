//! HCL, read by a small reader of our own: blocks, arguments, and literal values; every other expression
//! is its text.

use super::{
    DEPTH_MAX, Leaf, Reading,
    cursor::{Cursor, hexadecimal},
};

type Entries = Vec<(String, Reading)>;

/// A module or variable file.
pub(super) fn read(text: &str) -> Result<Reading, String> {
    let mut cursor = Cursor { rest: text };
    let entries = body(&mut cursor, 0)?;
    if cursor.rest.is_empty() {
        Ok(Reading::Map(entries))
    } else {
        Err("a `}` too many".to_owned())
    }
}

/// White space, line breaks and comments.
fn blank(cursor: &mut Cursor<'_>) -> Result<(), String> {
    loop {
        cursor.take_while(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
        if !comment(cursor)? {
            return Ok(());
        }
    }
}

/// A comment, if one stands here; its line break stays.
fn comment(cursor: &mut Cursor<'_>) -> Result<bool, String> {
    if cursor.rest.starts_with('#') || cursor.rest.starts_with("//") {
        cursor.skip_line();
        return Ok(true);
    }
    if !cursor.rest.starts_with("/*") {
        return Ok(false);
    }
    let end = cursor.rest.get(2..).and_then(|rest| rest.find("*/"));
    let end = end.ok_or("a comment has no end")?;
    cursor.rest = cursor.rest.get(end + 4..).unwrap_or_default();
    Ok(true)
}

fn body(cursor: &mut Cursor<'_>, depth: usize) -> Result<Entries, String> {
    if depth > DEPTH_MAX {
        return Err("nested too deeply".to_owned());
    }
    let mut entries = Entries::new();
    loop {
        blank(cursor)?;
        if matches!(cursor.peek(), None | Some('}')) {
            return Ok(entries);
        }
        let name = identifier(cursor)?;
        cursor.blanks();
        if cursor.eat("=") {
            entries.push((name, argument(cursor, depth)?));
            continue;
        }
        let mut labels = Vec::new();
        while !cursor.eat("{") {
            labels.push(match cursor.peek() {
                Some('"') => {
                    let source = quoted(cursor)?;
                    decoded(source).unwrap_or_else(|| source.to_owned())
                }
                _ => identifier(cursor)?,
            });
            cursor.blanks();
        }
        let inside = body(cursor, depth + 1)?;
        if !cursor.eat("}") {
            return Err(format!("block `{name}` has no end"));
        }
        let mut reading = Reading::Block(inside);
        for label in labels.into_iter().rev() {
            reading = Reading::Map(vec![(label, reading)]);
        }
        entries.push((name, reading));
    }
}

fn identifier(cursor: &mut Cursor<'_>) -> Result<String, String> {
    let name = cursor.take_while(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if name.is_empty() {
        let found: String = cursor.rest.chars().take(20).collect();
        return Err(format!("a name was expected before `{}`", super::shown(&found)));
    }
    Ok(name.to_owned())
}

/// The value behind `=`: up to the end of its line.
fn argument(cursor: &mut Cursor<'_>, depth: usize) -> Result<Reading, String> {
    cursor.blanks();
    let source = extent(cursor, &['\n', '}'])?;
    expression(source, depth)
}

/// Takes an expression up to one of the `ends` outside brackets, texts and comments.
fn extent<'t>(cursor: &mut Cursor<'t>, ends: &[char]) -> Result<&'t str, String> {
    let start = Cursor { rest: cursor.rest };
    // Comments and white space behind the expression are no part of it.
    let mut end = Cursor { rest: cursor.rest };
    let mut open = 0_usize;
    while let Some(c) = cursor.peek() {
        if open == 0 && ends.contains(&c) {
            break;
        }
        if comment(cursor)? {
            continue;
        }
        match c {
            '"' => {
                quoted(cursor)?;
            }
            '<' if cursor.rest.starts_with("<<") => heredoc(cursor)?,
            '(' | '[' | '{' => {
                open += 1;
                cursor.skip();
            }
            ')' | ']' | '}' => {
                open = open.checked_sub(1).ok_or("a bracket is closed that was not opened")?;
                cursor.skip();
            }
            _ => {
                cursor.skip();
            }
        }
        if !c.is_whitespace() {
            end.rest = cursor.rest;
        }
    }
    if open > 0 {
        return Err("a bracket has no end".to_owned());
    }
    Ok(start.until(&end))
}

/// A text in quotes with all that is nested in it; the cursor stands behind it afterwards.
fn quoted<'t>(cursor: &mut Cursor<'t>) -> Result<&'t str, String> {
    let start = Cursor { rest: cursor.rest };
    cursor.skip();
    loop {
        if cursor.eat("$${") || cursor.eat("%%{") {
            continue;
        }
        if cursor.eat("${") || cursor.eat("%{") {
            nested(cursor)?;
            continue;
        }
        match cursor.skip() {
            Some('"') => return Ok(start.until(cursor)),
            Some('\\') => {
                cursor.skip();
            }
            Some('\n') | None => return Err("a text has no end".to_owned()),
            Some(_) => {}
        }
    }
}

/// The inside of `${…}` and its brace; nesting of texts in it is bounded by the stack of braces.
fn nested(cursor: &mut Cursor<'_>) -> Result<(), String> {
    // A stack instead of recursion: what a brace or quote closes.
    let mut open = vec!['}'];
    while let Some(expected) = open.last().copied() {
        if expected == '"' && (cursor.eat("$${") || cursor.eat("%%{")) {
            continue;
        }
        if expected == '"' && (cursor.eat("${") || cursor.eat("%{")) {
            open.push('}');
            continue;
        }
        let Some(c) = cursor.skip() else { return Err("a template has no end".to_owned()) };
        if c == expected {
            open.pop();
        } else if expected == '"' {
            if c == '\\' {
                cursor.skip();
            }
        } else if c == '"' {
            open.push('"');
        } else if c == '{' {
            open.push('}');
        }
    }
    Ok(())
}

fn heredoc(cursor: &mut Cursor<'_>) -> Result<(), String> {
    cursor.eat("<<");
    cursor.eat("-");
    let mark = cursor.take_while(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if mark.is_empty() {
        return Err("`<<` without a mark".to_owned());
    }
    loop {
        cursor.skip_line();
        if !cursor.eat("\n") {
            return Err("a text over several lines has no end".to_owned());
        }
        let line = cursor.rest.lines().next().unwrap_or_default();
        if line.trim() == mark {
            cursor.skip_line();
            // The line break ends the argument.
            return Ok(());
        }
    }
}

/// What an expression is: a literal, a list or object of such, or its text.
fn expression(source: &str, depth: usize) -> Result<Reading, String> {
    if depth > DEPTH_MAX {
        return Err("nested too deeply".to_owned());
    }
    let other = || Reading::Leaf(Leaf::Other, source.to_owned());
    let mut cursor = Cursor { rest: source };
    Ok(match source.chars().next() {
        Some('"') => {
            let is_whole = quoted(&mut cursor).is_ok() && cursor.rest.is_empty();
            match decoded(source).filter(|_| is_whole) {
                Some(text) => Reading::Leaf(Leaf::Text, text),
                None => other(),
            }
        }
        Some('[') if is_bracketed(source) => items(inside(source), depth)?.unwrap_or_else(other),
        Some('{') if is_bracketed(source) => object(inside(source), depth)?.unwrap_or_else(other),
        _ => {
            let digits = source.strip_prefix('-').unwrap_or(source);
            let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
                && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
                && digits.matches('.').count() < 2
                && !digits.ends_with('.');
            let kind = match source {
                "true" | "false" => Leaf::Boolean,
                _ if is_number => Leaf::Number,
                _ => Leaf::Other,
            };
            Reading::Leaf(kind, source.to_owned())
        }
    })
}

/// Whether the first bracket is closed by the last character.
fn is_bracketed(source: &str) -> bool {
    let mut cursor = Cursor { rest: source };
    let mut open = 0_usize;
    while let Some(c) = cursor.peek() {
        match c {
            '"' if quoted(&mut cursor).is_ok() => {}
            '<' if cursor.rest.starts_with("<<") && heredoc(&mut cursor).is_ok() => {}
            '#' | '/' if matches!(comment(&mut cursor), Ok(true)) => {}
            _ => {
                cursor.skip();
                match c {
                    '(' | '[' | '{' => open += 1,
                    ')' | ']' | '}' => open = open.saturating_sub(1),
                    _ => {}
                }
                if open == 0 {
                    return cursor.rest.is_empty();
                }
            }
        }
    }
    false
}

fn inside(source: &str) -> &str {
    source.get(1..source.len().saturating_sub(1)).unwrap_or_default()
}

/// A word that makes brackets a computation.
fn is_for(source: &str) -> bool {
    let mut cursor = Cursor { rest: source };
    let is_blank = blank(&mut cursor).is_ok();
    is_blank && cursor.eat("for") && cursor.peek().is_some_and(char::is_whitespace)
}

fn items(source: &str, depth: usize) -> Result<Option<Reading>, String> {
    if is_for(source) {
        return Ok(None);
    }
    let mut cursor = Cursor { rest: source };
    let mut items = Vec::new();
    loop {
        blank(&mut cursor)?;
        if cursor.peek().is_none() {
            return Ok(Some(Reading::List(items)));
        }
        items.push(expression(extent(&mut cursor, &[','])?, depth + 1)?);
        cursor.eat(",");
    }
}

fn object(source: &str, depth: usize) -> Result<Option<Reading>, String> {
    if is_for(source) {
        return Ok(None);
    }
    let mut cursor = Cursor { rest: source };
    let mut entries = Entries::new();
    loop {
        blank(&mut cursor)?;
        cursor.eat(",");
        blank(&mut cursor)?;
        if cursor.peek().is_none() {
            return Ok(Some(Reading::Map(entries)));
        }
        let key = extent(&mut cursor, &['=', ':', '\n'])?;
        if !cursor.eat("=") && !cursor.eat(":") {
            return Err("an object has a key without a value".to_owned());
        }
        cursor.blanks();
        let value = extent(&mut cursor, &[',', '\n'])?;
        let key = match expression(key, depth + 1)? {
            Reading::Leaf(_, text) => text,
            _ => key.to_owned(),
        };
        entries.push((key, expression(value, depth + 1)?));
    }
}

/// The text between quotes; `None` where template expressions are in it.
fn decoded(source: &str) -> Option<String> {
    let mut cursor = Cursor { rest: inside(source) };
    let mut text = String::new();
    loop {
        text.push_str(cursor.take_while(|c| !matches!(c, '\\' | '$' | '%')));
        if cursor.eat("$${") {
            text.push_str("${");
            continue;
        }
        if cursor.eat("%%{") {
            text.push_str("%{");
            continue;
        }
        if cursor.rest.starts_with("${") || cursor.rest.starts_with("%{") {
            return None;
        }
        match cursor.skip() {
            None => return Some(text),
            Some('\\') => text.push(match cursor.skip()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                c @ ('"' | '\\') => c,
                'u' => hexadecimal(&mut cursor, 4)?,
                'U' => hexadecimal(&mut cursor, 8)?,
                _ => return None,
            }),
            Some(c) => text.push(c),
        }
    }
}
