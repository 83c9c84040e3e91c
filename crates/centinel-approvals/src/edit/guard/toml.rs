//! TOML, read by a small reader of our own.

use super::{
    DEPTH_MAX, Leaf, Reading,
    cursor::{Cursor, hexadecimal},
};

type Entries = Vec<(String, Reading)>;

/// A document.
pub(super) fn read(text: &str) -> Result<Reading, String> {
    let mut cursor = Cursor { rest: text };
    let mut root = Entries::new();
    let mut header: Vec<String> = Vec::new();
    loop {
        blank_lines(&mut cursor);
        match cursor.peek() {
            None => return Ok(Reading::Map(root)),
            Some('[') => {
                cursor.skip();
                let is_array = cursor.eat("[");
                header = keys(&mut cursor)?;
                if !cursor.eat(if is_array { "]]" } else { "]" }) {
                    return Err("a header has no end".to_owned());
                }
                if is_array {
                    array_item(&mut root, &header)?;
                } else {
                    table(&mut root, &header)?;
                }
            }
            Some(_) => {
                let key = keys(&mut cursor)?;
                if !cursor.eat("=") {
                    return Err(format!("no `=` behind `{}`", key.join(".")));
                }
                let value = value(&mut cursor, 0)?;
                set(table(&mut root, &header)?, &key, value)?;
            }
        }
        cursor.blanks();
        if cursor.peek() == Some('#') {
            cursor.skip_line();
        }
        if !matches!(cursor.peek(), None | Some('\r' | '\n')) {
            return Err("more on the line than a value".to_owned());
        }
    }
}

/// White space, line breaks and comments.
fn blank_lines(cursor: &mut Cursor<'_>) {
    loop {
        cursor.take_while(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
        if cursor.peek() != Some('#') {
            return;
        }
        cursor.skip_line();
    }
}

/// `a."b c".d` and the white space around it.
fn keys(cursor: &mut Cursor<'_>) -> Result<Vec<String>, String> {
    let mut keys = Vec::new();
    loop {
        cursor.blanks();
        let key = match cursor.peek() {
            Some('"') => basic(cursor)?,
            Some('\'') => literal(cursor)?,
            _ => {
                cursor.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-').to_owned()
            }
        };
        keys.push(key);
        cursor.blanks();
        if !cursor.eat(".") {
            return Ok(keys);
        }
    }
}

/// The table that a header names; of an array of tables its last item.
fn table<'r>(root: &'r mut Entries, header: &[String]) -> Result<&'r mut Entries, String> {
    let mut at = root;
    for key in header {
        let index = match at.iter().position(|(name, _)| name == key) {
            Some(index) => index,
            None => {
                at.push((key.clone(), Reading::Map(Entries::new())));
                at.len() - 1
            }
        };
        let mut found = at.get_mut(index).map(|(_, reading)| reading);
        if let Some(Reading::List(items)) = found {
            found = items.last_mut();
        }
        let Some(Reading::Map(entries)) = found else {
            return Err(format!("`{key}` is no table"));
        };
        at = entries;
    }
    Ok(at)
}

fn array_item(root: &mut Entries, header: &[String]) -> Result<(), String> {
    let Some((key, above)) = header.split_last() else {
        return Err("a header is empty".to_owned());
    };
    let at = table(root, above)?;
    let item = Reading::Map(Entries::new());
    match at.iter_mut().find(|(name, _)| name == key) {
        Some((_, Reading::List(items))) => items.push(item),
        Some(_) => return Err(format!("`{key}` is no array of tables")),
        None => at.push((key.clone(), Reading::List(vec![item]))),
    }
    Ok(())
}

/// Adds a value. A key that stands there twice stays twice: such a path has two places.
fn set(at: &mut Entries, key: &[String], value: Reading) -> Result<(), String> {
    let Some((last, above)) = key.split_last() else { return Err("a key is empty".to_owned()) };
    table(at, above)?.push((last.clone(), value));
    Ok(())
}

fn value(cursor: &mut Cursor<'_>, depth: usize) -> Result<Reading, String> {
    if depth > DEPTH_MAX {
        return Err("nested too deeply".to_owned());
    }
    cursor.blanks();
    let text = |text| Reading::Leaf(Leaf::Text, text);
    if cursor.rest.starts_with("\"\"\"") || cursor.rest.starts_with("'''") {
        return long(cursor).map(text);
    }
    match cursor.peek() {
        Some('"') => basic(cursor).map(text),
        Some('\'') => literal(cursor).map(text),
        Some('[') => array(cursor, depth),
        Some('{') => inline_table(cursor, depth),
        _ => {
            let bare = cursor.take_while(|c| !matches!(c, ',' | ']' | '}' | '#' | '\r' | '\n'));
            Ok(scalar(bare.trim_end_matches([' ', '\t'])))
        }
    }
}

/// Numbers, booleans, dates.
fn scalar(text: &str) -> Reading {
    let digits = text.trim_start_matches(['+', '-']);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || b"_.eE+-".contains(&byte))
        // Dates have their signs without an exponent.
        && (!digits.contains(['-', '+']) || digits.contains(['e', 'E']));
    let kind = match text {
        "true" | "false" => Leaf::Boolean,
        _ if is_number => Leaf::Number,
        _ => Leaf::Other,
    };
    Reading::Leaf(kind, text.to_owned())
}

fn array(cursor: &mut Cursor<'_>, depth: usize) -> Result<Reading, String> {
    cursor.skip();
    let mut items = Vec::new();
    loop {
        blank_lines(cursor);
        if cursor.eat("]") {
            return Ok(Reading::List(items));
        }
        items.push(value(cursor, depth + 1)?);
        blank_lines(cursor);
        if !cursor.eat(",") && cursor.peek() != Some(']') {
            return Err("an array has no end".to_owned());
        }
    }
}

fn inline_table(cursor: &mut Cursor<'_>, depth: usize) -> Result<Reading, String> {
    cursor.skip();
    let mut entries = Entries::new();
    loop {
        blank_lines(cursor);
        if cursor.eat("}") {
            return Ok(Reading::Map(entries));
        }
        let key = keys(cursor)?;
        if !cursor.eat("=") {
            return Err("an inline table has a key without a value".to_owned());
        }
        let value = value(cursor, depth + 1)?;
        set(&mut entries, &key, value)?;
        blank_lines(cursor);
        if !cursor.eat(",") && cursor.peek() != Some('}') {
            return Err("an inline table has no end".to_owned());
        }
    }
}

fn literal(cursor: &mut Cursor<'_>) -> Result<String, String> {
    cursor.skip();
    let text = cursor.take_while(|c| c != '\'' && c != '\n').to_owned();
    if cursor.eat("'") { Ok(text) } else { Err("a text has no end".to_owned()) }
}

fn basic(cursor: &mut Cursor<'_>) -> Result<String, String> {
    cursor.skip();
    let mut text = String::new();
    loop {
        text.push_str(cursor.take_while(|c| !matches!(c, '"' | '\\' | '\n')));
        match cursor.skip() {
            Some('"') => return Ok(text),
            Some('\\') => {
                let c = match cursor.skip() {
                    Some('b') => Some('\u{8}'),
                    Some('t') => Some('\t'),
                    Some('n') => Some('\n'),
                    Some('f') => Some('\u{c}'),
                    Some('r') => Some('\r'),
                    Some('e') => Some('\u{1b}'),
                    Some(c @ ('"' | '\\')) => Some(c),
                    Some('x') => hexadecimal(cursor, 2),
                    Some('u') => hexadecimal(cursor, 4),
                    Some('U') => hexadecimal(cursor, 8),
                    _ => None,
                };
                text.push(c.ok_or("an escape is unknown")?);
            }
            _ => return Err("a text has no end".to_owned()),
        }
    }
}

/// A text in three quotes, as it stands: no edit touches one.
fn long(cursor: &mut Cursor<'_>) -> Result<String, String> {
    let quote = if cursor.rest.starts_with('"') { "\"\"\"" } else { "'''" };
    let start = Cursor { rest: cursor.rest };
    cursor.eat(quote);
    loop {
        if cursor.eat(quote) {
            // Up to two more quotes belong to the text.
            while quote.chars().next() == cursor.peek() {
                cursor.skip();
            }
            return Ok(start.until(cursor).to_owned());
        }
        match cursor.skip() {
            Some('\\') if quote == "\"\"\"" => {
                cursor.skip();
            }
            Some(_) => {}
            None => return Err("a text has no end".to_owned()),
        }
    }
}
