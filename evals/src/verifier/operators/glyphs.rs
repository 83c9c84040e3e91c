//! Operators on characters: what looks the same and is another.

use super::{Case, Made, made, pick};
use crate::{random::Random, verifier::cited::Cited};

/// Digits of other scripts and letters that look like digits, by digit.
fn look_alike(random: &mut Random, digit: char) -> String {
    let value = u32::from(digit) - u32::from('0');
    let letters: &[&str] = match digit {
        '0' => &["O", "o", "О", "Ο", "०"],
        '1' => &["l", "I", "і", "Ⅰ"],
        '2' => &["Ⅱ", "ƻ"],
        '3' => &["З", "Ⅲ"],
        '5' => &["Ƽ", "Ⅴ"],
        '6' => &["б"],
        '8' => &["Ȣ", "𐌚"],
        _ => &["９"],
    };
    // Full-width, Arabic-Indic, mathematical, superscript-like, circled.
    let zeros = [0xff10, 0x0660, 0x1d7ce, 0x1d7f6, 0x06f0, 0x0966, 0x1fbf0];
    if random.unit() < 0.6 {
        char::from_u32(random.one_of(&zeros) + value).unwrap_or(digit).to_string()
    } else if digit != '9' || random.unit() < 0.5 {
        (*random.one_of(letters)).to_owned()
    } else {
        "⑨".to_owned()
    }
}

/// A digit, sign or currency of a figure becomes a look-alike.
pub(super) fn in_figure(case: &Case<'_>, random: &mut Random) -> Made {
    let figures: Vec<&Cited> = case.figures().map(|(_, cited)| cited).collect();
    let Some(figure) = pick(random, &figures).copied().and_then(Cited::figure) else {
        return Made::Nothing;
    };
    let characters: Vec<(usize, char)> = case.text[figure.span.clone()]
        .char_indices()
        .filter(|(_, c)| c.is_ascii_digit() || "$%.,".contains(*c))
        .collect();
    let Some((at, c)) = pick(random, &characters).copied() else { return Made::Nothing };
    let other = match c {
        '$' => (*random.one_of(&["＄", "﹩", "S"])).to_owned(),
        '%' => (*random.one_of(&["％", "٪", "‰"])).to_owned(),
        '.' => (*random.one_of(&["․", "。", "٫", "·"])).to_owned(),
        ',' => (*random.one_of(&["‚", "，", "٬"])).to_owned(),
        digit => look_alike(random, digit),
    };
    let at = figure.span.start + at;
    Made::Mutant(case.replaced(at..at + c.len_utf8(), &other))
}

const LETTERS: [(char, &[&str]); 14] = [
    ('a', &["а", "α", "ａ"]),
    ('c', &["с", "ϲ"]),
    ('e', &["е", "ｅ"]),
    ('i', &["і", "ι"]),
    ('o', &["о", "ο", "0"]),
    ('p', &["р", "ρ"]),
    ('s', &["ѕ"]),
    ('x', &["х", "χ"]),
    ('y', &["у"]),
    ('A', &["А", "Α"]),
    ('B', &["В", "Β"]),
    ('C', &["С"]),
    ('l', &["1", "Ι"]),
    ('t', &["τ", "т"]),
];

/// A letter of a name becomes one of another script.
pub(super) fn in_name(case: &Case<'_>, random: &mut Random) -> Made {
    let mut found = Vec::new();
    for (_, name) in case.names() {
        for (at, c) in case.text[name.span.clone()].char_indices() {
            if let Some((_, others)) = LETTERS.iter().find(|(letter, _)| *letter == c) {
                found.push((name.span.start + at, c, *others));
            }
        }
    }
    made(pick(random, &found).map(|(at, c, others)| {
        let other = *random.clone().one_of(others);
        case.replaced(*at..at + c.len_utf8(), other)
    }))
}

/// A character that is not seen, within a mention or beside it.
pub(super) fn invisible(case: &Case<'_>, random: &mut Random) -> Made {
    let bound: Vec<&Cited> = case.cited.iter().filter(|cited| cited.span.len() > 1).collect();
    let Some(cited) = pick(random, &bound).copied() else { return Made::Nothing };
    let places: Vec<usize> =
        case.text[cited.span.clone()].char_indices().map(|(at, _)| cited.span.start + at).collect();
    let at = *random.one_of(&places);
    let what = *random.one_of(&[
        "\u{200b}",
        "\u{200d}",
        "\u{202e}",
        "\u{2066}",
        "\u{feff}",
        "\u{00ad}",
        "\u{2060}",
        "\u{e0031}",
        "\u{180e}",
        "\u{034f}",
        "\u{061c}",
        "\u{fe0f}",
    ]);
    Made::Mutant(case.replaced(at..at, what))
}

/// A figure of characters that a search for digits does not find.
pub(super) fn uncited_figure(case: &Case<'_>, random: &mut Random) -> Made {
    let what = *random.one_of(&[
        ", another ５００ dollars",
        ", or Ⅳ days",
        " (𝟓𝟎 %)",
        ", ½ of it",
        ", ٣٠٠ calls",
        ", ⑤ times",
        ", ²",
        " IV times",
        ", 1O0 calls",
        ", l2 days",
        ", ５％",
        ", ＄9",
        ", ⅓",
        ", 九百",
        ", १२ calls",
        ", ⅯⅯ",
        ", 𝟣𝟢x",
        " XII days",
    ]);
    made(case.inserted(random, what))
}
