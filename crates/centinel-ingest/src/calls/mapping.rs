//! Which column is which field: guessed, stated, shown.

use std::fmt;

use centinel_engine::series::Dimension;

use super::{
    Field, UnknownField,
    dialect::{self, normalize},
};
use crate::{
    read::Options,
    sanitize::{listed, shown_line},
};

/// Whether cache tokens are inside the input tokens or beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convention {
    /// Input tokens include those read from and written to a cache (OpenAI, Gemini, OpenTelemetry).
    Inclusive,
    /// Cache tokens are counted beside the input tokens (Anthropic, Bedrock).
    Disjoint,
}

/// How a column came to its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By its name.
    Guessed,
    /// By the user.
    Stated,
    /// Not read.
    Ignored,
}

/// One column or path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedColumn {
    /// As the input spells it.
    pub name: String,
    /// What it holds; `None` when it is not read.
    pub field: Option<Field>,
    /// How that is known.
    pub how: How,
    /// Lower ranks are read first when several columns hold one field.
    rank: u8,
}

/// How the columns of a call log are read. `Display` is a table for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    columns: Vec<MappedColumn>,
    constants: Vec<(Field, String)>,
    convention: Option<Convention>,
    time: Option<String>,
    // A bill has no tokens, so no convention of counting them.
    is_bill: bool,
}

/// Why a mapping cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A pair without `=`, or with nothing on a side.
    #[error("`{0}` is not of the form `{1}`")]
    Form(String, &'static str),
    /// An unknown field.
    #[error(transparent)]
    Field(#[from] UnknownField),
    /// A stated column that the input does not have.
    #[error("no column `{name}`; found: {found}")]
    NoColumn {
        /// As stated.
        name: String,
        /// What there is.
        found: String,
    },
    /// A field that cannot be the same for all rows.
    #[error("`{0}` cannot be set for all rows")]
    NotConstant(Field),
}

/// Most columns or paths that are told apart; what comes later is not read.
const COLUMNS_MAX: usize = 1_000;

/// What guesses a field from a name, and how good the name is.
pub(crate) type Guess = fn(&str) -> Option<(Field, u8)>;

impl Mapping {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            columns: Vec::new(),
            constants: options.set.clone(),
            convention: options.convention,
            time: None,
            is_bill: false,
        }
    }

    /// The mapping of a call log's header.
    pub(crate) fn of_header(names: &[String], options: &Options) -> Result<Self, MappingError> {
        Self::with_guess(names, options, dialect::guess)
    }

    /// The mapping of an invoice's header.
    pub(crate) fn of_bill(
        names: &[String],
        options: &Options,
        guess: Guess,
    ) -> Result<Self, MappingError> {
        Ok(Self { is_bill: true, ..Self::with_guess(names, options, guess)? })
    }

    fn with_guess(names: &[String], options: &Options, guess: Guess) -> Result<Self, MappingError> {
        let mut mapping = Self::new(options);
        for name in names {
            mapping.add(name, options, guess);
        }
        for (stated, _) in &options.map {
            if !names.iter().any(|name| is_same_column(name, stated)) {
                return Err(MappingError::NoColumn { name: stated.clone(), found: listed(names) });
            }
        }
        Ok(mapping)
    }

    /// Adds a column; returns its index, or `None` when there are too many.
    pub(crate) fn add(&mut self, name: &str, options: &Options, guess: Guess) -> Option<usize> {
        if self.columns.len() >= COLUMNS_MAX {
            return None;
        }
        let stated = options.map.iter().find(|(stated, _)| is_same_column(name, stated));
        let (field, how, rank) = match (stated, guess(name).or_else(|| tag(name, options))) {
            (Some((_, field)), _) => (field.clone(), How::Stated, 0),
            (None, Some((field, rank))) => (Some(field), How::Guessed, rank),
            (None, None) => (None, How::Ignored, 0),
        };
        // A constant is stated for every row; a stated column of a field rules out guessed ones.
        let is_settled = |field: &Field| {
            self.constants.iter().any(|(constant, _)| constant == field)
                || (how == How::Guessed
                    && options.map.iter().any(|(_, stated)| stated.as_ref() == Some(field)))
        };
        let (field, how) = match field {
            Some(field) if !is_settled(&field) => (Some(field), how),
            _ => (None, How::Ignored),
        };
        self.columns.push(MappedColumn { name: name.to_owned(), field, how, rank });
        self.columns.len().checked_sub(1)
    }

    pub(crate) fn set_time_note(&mut self, note: String) {
        self.time = Some(note);
    }

    /// The columns, in the input's order.
    pub fn columns(&self) -> &[MappedColumn] {
        &self.columns
    }

    /// Values that hold for every row.
    pub fn constants(&self) -> &[(Field, String)] {
        &self.constants
    }

    /// Columns of a field, best first.
    pub(crate) fn columns_of(&self, field: &Field) -> Vec<usize> {
        let mut found: Vec<(u8, usize)> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.field.as_ref() == Some(field))
            .map(|(index, column)| (column.rank, index))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, index)| index).collect()
    }

    /// The fields that are read, constants included, each once, in a fixed order.
    pub(crate) fn fields(&self) -> Vec<Field> {
        let columns = self.columns.iter().filter_map(|column| column.field.clone());
        let mut fields: Vec<Field> =
            columns.chain(self.constants.iter().map(|(field, _)| field.clone())).collect();
        fields.sort();
        fields.dedup();
        fields
    }

    /// The fields that every call needs and nothing holds.
    pub(crate) fn missing(&self) -> Vec<Field> {
        use centinel_engine::usage::UsageClass;
        let fields = self.fields();
        let mut missing: Vec<Field> =
            [Field::At, Field::Label(Dimension::Provider), Field::Label(Dimension::Model)]
                .into_iter()
                .filter(|field| !fields.contains(field))
                .collect();
        if !fields.iter().any(Field::is_count) {
            missing.push(Field::Usage(UsageClass::InputTokensTotal));
        }
        missing
    }

    /// Names of the columns, for a message.
    pub(crate) fn found(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        listed(&names)
    }
}

/// Stated names match as written, or but for case and punctuation.
fn is_same_column(name: &str, stated: &str) -> bool {
    name == stated || normalize(name) == normalize(stated)
}

/// An allow-listed tag: its key is the column's name or the last part of its path.
fn tag(name: &str, options: &Options) -> Option<(Field, u8)> {
    let (whole, last) = (normalize(name), normalize(name.rsplit('.').next().unwrap_or_default()));
    let key = options.tags.iter().find(|key| {
        let key = normalize(key);
        !key.is_empty() && (key == whole || key == last)
    })?;
    Some((Field::Label(Dimension::Tag(key.as_str().into())), 0))
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![["column".to_owned(), "field".to_owned(), "how".to_owned()]];
        for column in &self.columns {
            let field = column.field.as_ref();
            let choice = field.map_or(0, |field| {
                let index = self.columns.iter().position(|other| std::ptr::eq(other, column));
                self.columns_of(field).iter().position(|other| Some(*other) == index).unwrap_or(0)
            });
            let mut how = match column.how {
                How::Guessed => "guessed".to_owned(),
                How::Stated => "stated".to_owned(),
                How::Ignored => "ignored".to_owned(),
            };
            if choice > 0 {
                how.push_str(", where the better column is empty");
            }
            if let (Some(Field::At), Some(time)) = (field, &self.time) {
                how.push_str(", ");
                how.push_str(time);
            }
            rows.push([
                shown_line(&column.name),
                field.map_or_else(|| "-".to_owned(), |field| shown_line(&field.to_string())),
                how,
            ]);
        }
        for (field, value) in &self.constants {
            rows.push([
                "-".to_owned(),
                field.to_string(),
                format!("set to `{}`", shown_line(value)),
            ]);
        }
        let width = |index: usize| {
            rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.chars().count()).max()
        };
        let (first, second) = (width(0).unwrap_or(0), width(1).unwrap_or(0));
        for (index, [column, field, how]) in rows.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{column:first$}  {field:second$}  {how}")?;
        }
        if self.is_bill {
            return Ok(());
        }
        writeln!(f)?;
        let convention = match self.convention {
            Some(Convention::Inclusive) => "input tokens include cache tokens",
            Some(Convention::Disjoint) => "cache tokens count beside input tokens",
            None if self.may_be_disjoint() => {
                "cache tokens count beside input tokens for Anthropic and Bedrock rows, inside for others"
            }
            None => "input tokens include cache tokens",
        };
        write!(f, "convention: {convention}")
    }
}

impl Mapping {
    /// Whether the columns are those of a provider that counts cache tokens beside input tokens.
    fn may_be_disjoint(&self) -> bool {
        let read = || self.columns.iter().filter(|column| column.field.is_some());
        read().any(|column| dialect::is_disjoint_input_name(&column.name))
            && read().any(|column| dialect::is_disjoint_cache_name(&column.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn what_is_stated_goes_before_what_is_guessed() {
        let mut options = Options::default();
        options.state_column("weird=model").unwrap();
        options.state_column("noise=-").unwrap();
        options.set_constant("provider=openai").unwrap();
        let header = names("ts,model,weird,provider,tokens_in,noise,Cost Center,request_id,id");
        let mapping = Mapping::of_header(&header, &options).unwrap();
        insta::assert_snapshot!(mapping, @r"
        column       field               how
        ts           at                  guessed
        model        -                   ignored
        weird        model               stated
        provider     -                   ignored
        tokens_in    input_tokens_total  guessed
        noise        -                   ignored
        Cost Center  tag:cost-center     guessed
        request_id   call_id             guessed
        id           call_id             guessed, where the better column is empty
        -            provider            set to `openai`
        convention: input tokens include cache tokens
        ");
        assert!(mapping.missing().is_empty());
    }

    #[test]
    fn missing_fields_are_listed() {
        let mapping = Mapping::of_header(&names("TIMESTAMP,Context"), &Options::default()).unwrap();
        let missing: Vec<_> = mapping.missing().iter().map(ToString::to_string).collect();
        assert_eq!(missing, ["provider", "model", "input_tokens_total"]);
    }

    #[test]
    fn a_stated_column_must_exist() {
        let mut options = Options::default();
        options.state_column("b=model").unwrap();
        assert!(matches!(
            Mapping::of_header(&names("a,c"), &options),
            Err(MappingError::NoColumn { .. })
        ));
    }
}
