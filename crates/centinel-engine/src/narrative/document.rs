//! A text in parts: words of ours, and mentions of facts.
//!
//! Sentences are written as templates with the roles of facts in braces, so that they can be read aloud
//! as they stand: `{name} rose by {delta|size} to {cost}.` What is filled in is never read as a template
//! again. A sentence that mentions a fact which the bundle has not is not said.

use std::fmt::Write as _;

use super::{
    escaped,
    figure::{Detail, Figure, Sign},
    number_format::NumberFormat,
};
use crate::facts::{Bundle, Direction, Fact, FactKind};

/// A text in parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// In order.
    pub blocks: Vec<Block>,
}

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// Words over the blocks that follow.
    Heading,
    /// Sentences.
    Paragraph,
    /// Sentences of a list.
    Item,
}

/// One heading, paragraph or item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Its words and mentions, in order.
    pub runs: Vec<Run>,
}

/// Part of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Run {
    /// Words of ours: nothing imported, no figure.
    Words(String),
    /// The name of a dimension, which may be an imported tag's.
    Label(String),
    /// A fact.
    Mention(Figure),
}

impl Document {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Markdown with the fact cited right after each mention: the form that is checked.
    pub fn cited(&self) -> String {
        let format = NumberFormat::CITED;
        self.markdown(|text, run| match run {
            Run::Mention(mention) => {
                // Writing to a String cannot fail.
                let _ = write!(text, "{} [{}]", run.in_markdown(&format), mention.fact);
            }
            Run::Words(_) | Run::Label(_) => text.push_str(&run.in_markdown(&format)),
        })
    }

    /// Markdown without citations, as a place writes numbers.
    pub fn to_markdown(&self, format: &NumberFormat) -> String {
        self.markdown(|text, run| text.push_str(&run.in_markdown(format)))
    }

    fn markdown(&self, write: impl Fn(&mut String, &Run)) -> String {
        let marks = |kind| match kind {
            BlockKind::Heading => "### ",
            BlockKind::Item => "- ",
            BlockKind::Paragraph => "",
        };
        self.blocks_apart(marks, write)
    }

    /// Plain text without citations, as a place writes numbers.
    pub fn plain(&self, format: &NumberFormat) -> String {
        let marks = |kind| match kind {
            BlockKind::Item => "- ",
            BlockKind::Heading | BlockKind::Paragraph => "",
        };
        self.blocks_apart(marks, |text, run| text.push_str(&run.shown(format)))
    }

    /// An empty line before each block but between the items of a list; ends with a line feed.
    fn blocks_apart(
        &self,
        mark: impl Fn(BlockKind) -> &'static str,
        write: impl Fn(&mut String, &Run),
    ) -> String {
        let mut text = String::new();
        let mut before = None;
        for block in &self.blocks {
            match (before, block.kind) {
                (None, _) => {}
                (Some(BlockKind::Item), BlockKind::Item) => text.push('\n'),
                _ => text.push_str("\n\n"),
            }
            before = Some(block.kind);
            text.push_str(mark(block.kind));
            for run in &block.runs {
                write(&mut text, run);
            }
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }

    /// Every mention, in order.
    pub fn mentions(&self) -> impl Iterator<Item = &Figure> {
        let runs = self.blocks.iter().flat_map(|block| &block.runs);
        runs.filter_map(|run| match run {
            Run::Mention(mention) => Some(mention),
            Run::Words(_) | Run::Label(_) => None,
        })
    }
}

impl Run {
    /// As a place writes it, without citation; imported names as they are.
    pub fn shown(&self, format: &NumberFormat) -> String {
        match self {
            Self::Words(words) => words.clone(),
            Self::Label(name) => name.chars().filter(|c| !c.is_control()).collect(),
            Self::Mention(mention) => mention.shown(format),
        }
    }

    /// The same, with imported names so that Markdown does nothing with them.
    fn in_markdown(&self, format: &NumberFormat) -> String {
        let is_imported = match self {
            Self::Words(_) => false,
            Self::Label(_) => true,
            Self::Mention(mention) => mention.kind == FactKind::Entity,
        };
        let shown = self.shown(format);
        if is_imported { escaped(&shown) } else { shown }
    }
}

/// Writes a document over a bundle.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    bundle: &'a Bundle,
    detail: Detail,
    document: Document,
    /// What roles that begin with a dot are completed with.
    prefix: String,
}

impl<'a> Writer<'a> {
    pub(super) fn new(bundle: &'a Bundle, detail: Detail) -> Self {
        Self { bundle, detail, document: Document::default(), prefix: String::new() }
    }

    /// The first fact of a role; a role that begins with a dot is below the prefix.
    pub(super) fn fact(&self, role: &str) -> Option<&'a Fact> {
        match role.strip_prefix('.') {
            Some(rest) => self.bundle.fact(&format!("{}.{rest}", self.prefix)),
            None => self.bundle.fact(role),
        }
    }

    pub(super) fn has(&self, role: &str) -> bool {
        self.fact(role).is_some()
    }

    /// Where a fact points.
    pub(super) fn direction(&self, role: &str) -> Option<Direction> {
        self.fact(role).and_then(|fact| fact.direction)
    }

    /// Facts whose role begins so, with the rest of it.
    pub(super) fn starting(&self, prefix: &str) -> Vec<(String, &'a Fact)> {
        let prefix = match prefix.strip_prefix('.') {
            Some(rest) => format!("{}.{rest}", self.prefix),
            None => prefix.to_owned(),
        };
        let facts = self.bundle.facts.iter();
        facts.filter_map(|fact| Some((fact.role.strip_prefix(&prefix)?.to_owned(), fact))).collect()
    }

    /// Completes roles that begin with a dot from now on: `moved.1`.
    pub(super) fn below(&mut self, prefix: &str) -> &mut Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// Numbered prefixes that the bundle has facts of: `moved.1`, `moved.2`, ….
    pub(super) fn numbered(&self, name: &str) -> Vec<String> {
        let has_any = |prefix: &String| {
            let dotted = format!("{prefix}.");
            self.bundle.facts.iter().any(|fact| fact.role.starts_with(&dotted))
        };
        (1_u32..100).map(|number| format!("{name}.{number}")).take_while(has_any).collect()
    }

    /// Begins a paragraph.
    pub(super) fn paragraph(&mut self) {
        self.block(BlockKind::Paragraph);
    }

    /// Begins an item of a list.
    pub(super) fn item(&mut self) {
        self.block(BlockKind::Item);
    }

    fn block(&mut self, kind: BlockKind) {
        self.document.blocks.push(Block { kind, runs: Vec::new() });
    }

    /// Says a sentence, or part of one; false when a fact of it is missing, and then nothing is said.
    ///
    /// In braces stands a role, with `|plus` for a sign in any case and `|size` for none.
    pub(super) fn say(&mut self, template: &str) -> bool {
        let Some(runs) = self.filled(template) else { return false };
        let begins_sentence = template.starts_with(|c: char| c.is_uppercase() || c == '{');
        let space = begins_sentence && !self.is_empty_block();
        let Some(block) = self.document.blocks.last_mut() else { return false };
        if space {
            push_words(&mut block.runs, " ");
        }
        for run in runs {
            match run {
                Run::Words(words) => push_words(&mut block.runs, &words),
                other => block.runs.push(other),
            }
        }
        true
    }

    /// Says the first of several sentences whose facts are all there.
    pub(super) fn say_first(&mut self, templates: &[&str]) -> bool {
        templates.iter().any(|template| self.say(template))
    }

    fn filled(&self, template: &str) -> Option<Vec<Run>> {
        let mut runs = Vec::new();
        let mut rest = template;
        while let Some((words, after)) = rest.split_once('{') {
            let (slot, after) = after.split_once('}')?;
            let (role, sign) = match slot.split_once('|') {
                Some((role, "plus")) => (role, Sign::Always),
                Some((role, "size")) => (role, Sign::Size),
                _ => (slot, Sign::AsIs),
            };
            runs.push(Run::Words(words.to_owned()));
            runs.push(Run::Mention(Figure::of(self.fact(role)?, self.detail, sign)?));
            rest = after;
        }
        runs.push(Run::Words(rest.to_owned()));
        Some(runs)
    }

    /// What a fact says, added to the sentence as it stands.
    pub(super) fn mention(&mut self, fact: &Fact) {
        if let (Some(block), Some(mention)) =
            (self.document.blocks.last_mut(), Figure::of(fact, self.detail, Sign::AsIs))
        {
            block.runs.push(Run::Mention(mention));
        }
    }

    /// The name of a dimension, added to the sentence as it stands.
    pub(super) fn label(&mut self, name: &str) {
        if let Some(block) = self.document.blocks.last_mut() {
            block.runs.push(Run::Label(name.to_owned()));
        }
    }

    /// Words added to the sentence as it stands.
    pub(super) fn words(&mut self, words: &str) {
        if let Some(block) = self.document.blocks.last_mut() {
            push_words(&mut block.runs, words);
        }
    }

    /// Whether nothing was said in this block yet.
    pub(super) fn is_empty_block(&self) -> bool {
        self.document.blocks.last().is_none_or(|block| block.runs.is_empty())
    }

    /// Sentences of the bundle that are whole already.
    pub(super) fn caveats(&mut self) {
        for caveat in &self.bundle.caveats {
            let is_first = self.is_empty_block();
            self.words(if is_first { "" } else { " " });
            self.words(caveat);
        }
    }

    /// What is written under a heading; without anything, no heading either.
    pub(super) fn section(&mut self, heading: &'static str, write: impl FnOnce(&mut Self)) {
        let before = self.document.blocks.len();
        write(self);
        let is_said = |block: &Block| !block.runs.is_empty();
        let new: Vec<Block> = self.document.blocks.drain(before..).filter(is_said).collect();
        if !new.is_empty() {
            let runs = vec![Run::Words(heading.to_owned())];
            self.document.blocks.push(Block { kind: BlockKind::Heading, runs });
            self.document.blocks.extend(new);
        }
    }

    pub(super) fn finish(self) -> Document {
        let mut document = self.document;
        document.blocks.retain(|block| !block.runs.is_empty());
        document
    }
}

fn push_words(runs: &mut Vec<Run>, words: &str) {
    if words.is_empty() {
        return;
    }
    match runs.last_mut() {
        Some(Run::Words(before)) => before.push_str(words),
        _ => runs.push(Run::Words(words.to_owned())),
    }
}
