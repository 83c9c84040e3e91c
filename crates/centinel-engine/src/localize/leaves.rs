//! The table of leaves: one column a dimension, as codes, and the two amounts.

use std::collections::BTreeMap;

use crate::money::Decimal;

/// One dimension of all leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// Such as `team`.
    pub name: String,
    /// Values by code.
    pub values: Vec<String>,
    /// Code of each leaf, below the number of values.
    pub codes: Vec<u32>,
}

impl Dimension {
    /// Name and value of a code.
    pub(super) fn name_of(&self, code: u32) -> Option<(String, String)> {
        Some((self.name.clone(), self.values.get(code as usize)?.clone()))
    }
}

/// Leaves with what they cost and what they were predicted to cost, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leaves {
    dimensions: Vec<Dimension>,
    known: Vec<BTreeMap<String, u32>>,
    real: Vec<Decimal>,
    predict: Vec<Decimal>,
    /// Stands for no value.
    nameless: Option<String>,
}

/// Why leaves cannot be put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeavesError {
    /// A leaf with more or fewer values than dimensions, or columns of different length.
    #[error("the leaves do not all have all dimensions and both amounts")]
    Ragged,
    /// A code that no value has.
    #[error("a code has no value")]
    UnknownCode,
    /// Two dimensions of one name.
    #[error("two dimensions have the same name")]
    SameName,
    /// More distinct values in a dimension than are counted.
    #[error("a dimension has too many values")]
    TooManyValues,
}

/// Leaves in an order that depends on nothing but their values.
pub(super) struct Ordered {
    pub(super) names: Vec<Dimension>,
    /// By dimension.
    pub(super) codes: Vec<Vec<u32>>,
    pub(super) real: Vec<Decimal>,
    pub(super) predict: Vec<Decimal>,
    /// By dimension, the code that stands for no value, where some leaf has none.
    pub(super) nameless: Vec<Option<u32>>,
}

impl Ordered {
    /// Both amounts, for statistics.
    pub(super) fn values(&self) -> Vec<(f64, f64)> {
        let both = self.real.iter().zip(&self.predict);
        both.map(|(real, predict)| (real.to_f64(), predict.to_f64())).collect()
    }
}

impl Leaves {
    /// No leaves yet, of these dimensions.
    ///
    /// # Errors
    ///
    /// [`LeavesError::SameName`].
    pub fn of_dimensions<'a>(
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, LeavesError> {
        let empty =
            |name: &str| Dimension { name: name.to_owned(), values: Vec::new(), codes: Vec::new() };
        Self::from_columns(names.into_iter().map(empty).collect(), Vec::new(), Vec::new())
    }

    /// Leaves whose values have codes already, as the cells of a ledger do.
    ///
    /// # Errors
    ///
    /// [`LeavesError`].
    pub fn from_columns(
        dimensions: Vec<Dimension>,
        real: Vec<Decimal>,
        predict: Vec<Decimal>,
    ) -> Result<Self, LeavesError> {
        let count = real.len();
        if predict.len() != count || dimensions.iter().any(|column| column.codes.len() != count) {
            return Err(LeavesError::Ragged);
        }
        let mut names: Vec<&str> = dimensions.iter().map(|column| column.name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| matches!(pair, [left, right] if left == right)) {
            return Err(LeavesError::SameName);
        }
        let unknown = |column: &Dimension| {
            column.codes.iter().any(|code| column.values.len() <= *code as usize)
        };
        if dimensions.iter().any(unknown) {
            return Err(LeavesError::UnknownCode);
        }
        let known = dimensions
            .iter()
            .map(|column| column.values.iter().cloned().zip(0_u32..).collect())
            .collect();
        Ok(Self { dimensions, known, real, predict, nameless: None })
    }

    /// The same leaves, of which `value` stands for no value, in whatever dimension: leaves without a
    /// value have nothing in common by it, so no cause is named by it.
    #[must_use]
    pub fn nameless(mut self, value: &str) -> Self {
        self.nameless = Some(value.to_owned());
        self
    }

    /// Adds a leaf; `values` in the order of the dimensions.
    ///
    /// # Errors
    ///
    /// [`LeavesError::Ragged`] and [`LeavesError::TooManyValues`]; the leaf is then left out.
    pub fn push(
        &mut self,
        values: &[&str],
        real: Decimal,
        predict: Decimal,
    ) -> Result<(), LeavesError> {
        if values.len() != self.dimensions.len() {
            return Err(LeavesError::Ragged);
        }
        if self.dimensions.iter().any(|column| column.values.len() >= u32::MAX as usize) {
            return Err(LeavesError::TooManyValues);
        }
        for ((column, known), value) in self.dimensions.iter_mut().zip(&mut self.known).zip(values)
        {
            let code = match known.get(*value) {
                Some(code) => *code,
                None => {
                    let code = u32::try_from(column.values.len()).unwrap_or(u32::MAX);
                    known.insert((*value).to_owned(), code);
                    column.values.push((*value).to_owned());
                    code
                }
            };
            column.codes.push(code);
        }
        self.real.push(real);
        self.predict.push(predict);
        Ok(())
    }

    /// How many leaves there are.
    pub fn len(&self) -> usize {
        self.real.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.real.is_empty()
    }

    /// Dimensions by name, values coded in their order, leaves in the order of their codes: sums of
    /// floats are then the same however the leaves came.
    pub(super) fn in_order(&self) -> Ordered {
        let mut columns: Vec<(&Dimension, Vec<u32>)> =
            self.dimensions.iter().map(|column| (column, ordered_codes(column))).collect();
        columns.sort_by(|left, right| left.0.name.cmp(&right.0.name));
        let code = |column: &[u32], leaf: usize| column.get(leaf).copied();
        let amount = |amounts: &[Decimal], leaf: usize| amounts.get(leaf).copied();
        // Stable, and as good as free where leaves come in order.
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by(|left, right| {
            columns
                .iter()
                .map(|(_, codes)| code(codes, *left).cmp(&code(codes, *right)))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| {
                    let by = |amounts| amount(amounts, *left).cmp(&amount(amounts, *right));
                    by(&self.real).then_with(|| by(&self.predict))
                })
        });
        let arranged = |amounts: &[Decimal]| {
            order.iter().map(|leaf| amount(amounts, *leaf).unwrap_or_default()).collect()
        };
        let (real, predict) = (arranged(&self.real), arranged(&self.predict));
        let codes = columns
            .iter()
            .map(|(_, codes)| {
                order.iter().map(|leaf| code(codes, *leaf).unwrap_or_default()).collect()
            })
            .collect();
        let names: Vec<Dimension> = columns
            .into_iter()
            .map(|(column, _)| {
                let mut values = column.values.clone();
                values.sort_unstable();
                values.dedup();
                Dimension { name: column.name.clone(), values, codes: Vec::new() }
            })
            .collect();
        let nameless = names
            .iter()
            .map(|column| {
                let code = column.values.binary_search(self.nameless.as_ref()?).ok()?;
                u32::try_from(code).ok()
            })
            .collect();
        Ordered { names, codes, real, predict, nameless }
    }
}

/// Codes of the leaves where values are coded in their order; equal values have one code.
fn ordered_codes(column: &Dimension) -> Vec<u32> {
    let mut values: Vec<&String> = column.values.iter().collect();
    values.sort_unstable();
    values.dedup();
    let rank = |value: &String| values.partition_point(|other| *other < value);
    let ranks: Vec<u32> =
        column.values.iter().map(|value| u32::try_from(rank(value)).unwrap_or(u32::MAX)).collect();
    let rank_of = |code: &u32| ranks.get(*code as usize).copied().unwrap_or(u32::MAX);
    column.codes.iter().map(rank_of).collect()
}
