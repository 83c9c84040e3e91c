//! What a reader of Markdown sees, character by character, with its place in the source.

/// A character that a reader sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glyph {
    /// The character.
    pub(super) c: char,
    /// Its index in the source, in characters.
    pub(super) at: usize,
    /// It stood behind a backslash or in code, so it means itself.
    pub(super) is_literal: bool,
    /// It is set off from the text around it: code, bold or italic.
    pub(super) is_set_off: bool,
}

/// Text that is read as one: a paragraph, a heading, a list item, a row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// What a reader sees of it.
    pub(super) glyphs: Vec<Glyph>,
    /// A heading, where words begin with capitals.
    pub(super) is_heading: bool,
    /// What was said before it goes on: not a heading, and no empty line in between.
    pub(super) continues: bool,
}

/// A character that makes a text look like something else than it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disguise {
    /// Its index in the source, in characters.
    pub(super) at: usize,
    /// The character.
    pub(super) c: char,
}

/// The blocks of a Markdown text, in order.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut paragraph: Vec<Glyph> = Vec::new();
    let mut continues = false;
    let mut at = 0_usize;
    for line in text.split('\n') {
        let length = line.chars().count();
        let (skipped, kind) = line_kind(line);
        let is_own = kind != LineKind::Text;
        if (is_own || kind == LineKind::Empty) && !paragraph.is_empty() {
            blocks.push(Block {
                glyphs: std::mem::take(&mut paragraph),
                is_heading: false,
                continues,
            });
            continues = true;
        }
        let seen = seen(line, skipped, at);
        match kind {
            LineKind::Empty | LineKind::Rule => continues = false,
            LineKind::Heading | LineKind::Row => {
                blocks.push(Block {
                    glyphs: seen,
                    is_heading: kind == LineKind::Heading,
                    continues: false,
                });
                continues = kind == LineKind::Heading;
            }
            // An item is a block of its own; what goes on below it belongs to it.
            LineKind::Item => paragraph = seen,
            LineKind::Text => {
                if let Some(last) = paragraph.last().copied() {
                    paragraph.push(Glyph { c: '\n', is_literal: false, ..last });
                }
                paragraph.extend(seen);
            }
        }
        at = at.saturating_add(length).saturating_add(1);
    }
    if !paragraph.is_empty() {
        blocks.push(Block { glyphs: paragraph, is_heading: false, continues });
    }
    blocks
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineKind {
    Empty,
    Rule,
    Heading,
    Item,
    Row,
    Text,
}

/// How many characters of a line are markup at its start, and what it makes the line.
fn line_kind(line: &str) -> (usize, LineKind) {
    let indent = line.chars().take_while(|c| matches!(c, ' ' | '\t' | '>')).count();
    let rest: Vec<char> = line.chars().skip(indent).collect();
    let body: String = rest.iter().collect::<String>().trim().to_owned();
    if body.is_empty() {
        return (indent, LineKind::Empty);
    }
    if body.starts_with("```") && body.chars().all(|c| c == '`' || c.is_ascii_alphabetic()) {
        return (line.chars().count(), LineKind::Rule);
    }
    if body.chars().all(|c| matches!(c, '-' | '=' | '*' | '_' | '|' | ':' | ' '))
        && body.chars().filter(|c| matches!(c, '-' | '=' | '*' | '_')).count() >= 3
    {
        return (line.chars().count(), LineKind::Rule);
    }
    let hashes = rest.iter().take_while(|&&c| c == '#').count();
    if (1..=6).contains(&hashes) && rest.get(hashes).is_some_and(|c| *c == ' ') {
        return (indent.saturating_add(hashes), LineKind::Heading);
    }
    if body.starts_with('|') {
        return (indent, LineKind::Row);
    }
    let followed = |index: usize| rest.get(index).is_some_and(|c| c.is_whitespace());
    if rest.first().is_some_and(|c| matches!(c, '-' | '*' | '+' | '•' | '·')) && followed(1) {
        return (indent.saturating_add(1), LineKind::Item);
    }
    let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
    if (1..=2).contains(&digits)
        && rest.get(digits).is_some_and(|c| matches!(c, '.' | ')'))
        && followed(digits.saturating_add(1))
    {
        return (indent.saturating_add(digits).saturating_add(1), LineKind::Item);
    }
    (indent, LineKind::Text)
}

/// The glyphs of a line from its `skipped`th character on: escapes undone, emphasis taken away.
fn seen(line: &str, skipped: usize, line_at: usize) -> Vec<Glyph> {
    let chars: Vec<char> = line.chars().collect();
    let get = |index: usize| chars.get(index).copied();
    let mut glyphs = Vec::new();
    let (mut in_code, mut emphasis) = (false, 0_usize);
    let mut index = skipped;
    while let Some(c) = get(index) {
        let at = line_at.saturating_add(index);
        let next = get(index.saturating_add(1));
        let before = index.checked_sub(1).and_then(get);
        index = index.saturating_add(1);
        let is_set_off = in_code || emphasis % 2 == 1;
        match c {
            '\\' if !in_code && next.is_some_and(|c| c.is_ascii_punctuation()) => {
                glyphs.push(Glyph { c: next.unwrap_or('\\'), at, is_literal: true, is_set_off });
                index = index.saturating_add(1);
            }
            '`' => in_code = !in_code,
            '*' if !in_code => {
                // A run of asterisks opens or closes once.
                if before != Some('*') {
                    emphasis = emphasis.saturating_add(1);
                }
            }
            '_' if !in_code
                && !(before.is_some_and(char::is_alphanumeric)
                    && next.is_some_and(char::is_alphanumeric)) =>
            {
                if before != Some('_') {
                    emphasis = emphasis.saturating_add(1);
                }
            }
            '\r' => {}
            '\t' => glyphs.push(Glyph { c: ' ', at, is_literal: false, is_set_off }),
            c => glyphs.push(Glyph { c, at, is_literal: in_code, is_set_off }),
        }
    }
    glyphs
}

/// Characters that no honest text of ours has outside a name: invisible ones, ones that turn the
/// direction of reading, digits and letters that only look like ASCII's.
pub(super) fn disguises(text: &str) -> Vec<Disguise> {
    let suspicious = |c: char| !is_plain(c);
    text.chars()
        .enumerate()
        .filter(|(_, c)| suspicious(*c))
        .map(|(at, c)| Disguise { at, c })
        .collect()
}

/// Letters and signs that English prose about money is written with.
fn is_plain(c: char) -> bool {
    match c {
        '\n' | '\r' | '\t' | ' '..='~' => true,
        // Latin letters with accents; not those that are read as another letter.
        'ª' | 'º' | '²' | '³' | '¹' | '¼' | '½' | '¾' | 'ı' | 'ſ' | 'ĸ' => false,
        '\u{a0}'..='\u{17f}' => c != '\u{ad}',
        // Spaces that are seen, dashes, quotes, dots, daggers, primes.
        '\u{2002}'..='\u{200a}'
        | '\u{202f}'
        | '\u{2010}'..='\u{2027}'
        | '\u{2030}'..='\u{203a}' => true,
        // Currency signs, arrows, mathematical signs, boxes and blocks, triangles, ticks.
        '\u{20a0}'..='\u{20bf}' | '\u{2190}'..='\u{21ff}' => true,
        '−' | '≈' | '≤' | '≥' | '≠' | '∼' | 'Δ' | '∆' => true,
        '\u{2500}'..='\u{259f}' | '▲' | '△' | '▼' | '▽' | '●' | '○' | '■' | '□' | '★' | '☆' => {
            true
        }
        '✓' | '✔' | '✗' | '✘' | '✅' | '❌' | '⚠' | '\u{fe0f}' => true,
        // Pictures: what they say about direction is read as a word.
        '\u{1f300}'..='\u{1faff}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        blocks(text)
            .iter()
            .map(|block| block.glyphs.iter().map(|glyph| glyph.c).collect())
            .collect()
    }

    #[test]
    fn markdown_is_read_as_people_see_it() {
        for (text, expected) in [
            ("a **b** `c_d` e_f _g_", vec!["a b c_d e_f g"]),
            ("one\ntwo\n\nthree", vec!["one\ntwo", "three"]),
            ("# Title\n- x\n- y\n  goes on\n1. z", vec![" Title", " x", " y\ngoes on", " z"]),
            ("| a | b |\n|---|---|\n| 1 | 2 |", vec!["| a | b |", "| 1 | 2 |"]),
            (r"a \[x\] \_ \q", vec![r"a [x] _ \q"]),
            ("> quoted\n```text\ncode\n```", vec!["quoted", "code"]),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_looks_like_something_else_is_seen() {
        for text in
            ["сost", "１0", "a\u{200b}b", "\u{202e}x", "Ⅷ", "𝟙", "ﬁ", "＄5", "a\u{ad}b", "٣"]
        {
            assert_eq!(disguises(text).len(), 1, "{text}");
        }
        assert_eq!(disguises("Café – “cost” −5 % ≈ 4 € · ▲ 📈 …"), []);
    }
}
