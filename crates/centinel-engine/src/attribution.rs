//! Attribution: who answers for a series, and how much of the cost has somebody who does.
//!
//! Ownership is stated by rules over dimension values and evaluated once per series, not per row, so
//! that a changed rule re-labels all history at once.

mod codeowners;
mod escalation;
mod pattern;
mod policy;
mod route;

pub use codeowners::{CodeOwners, Dialect, Matched, RejectedLine, TooLarge};
pub use escalation::{EscalationPolicy, EscalationPolicyError, EscalationRule, EscalationStep};
pub use pattern::Pattern;
pub use policy::{Example, OwnerRule, OwnershipPolicy, OwnershipPolicyError};
pub use route::{
    Owner, OwnerPart, PartsOf, RepositoryOwners, RouteNote, Routed, SeriesOwner, Stated, Stating,
    Tie, TieError, Unknown, owner_of, route,
};

use crate::money::{Decimal, DecimalError, MoneyError, Pico};

/// Who owns a series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ownership {
    /// A rule says so.
    Stated {
        /// Team.
        owner: String,
        /// Position of the rule in its file, from 1.
        rule: usize,
    },
    /// No rule says so, but the series carries this `team`.
    FromTag(String),
    /// Nobody is known to.
    Unknown,
}

impl Ownership {
    /// The owner, however known.
    pub fn owner(&self) -> Option<&str> {
        match self {
            Self::Stated { owner, .. } | Self::FromTag(owner) => Some(owner),
            Self::Unknown => None,
        }
    }
}

/// Cost by how its owner is known, in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Owned by a rule.
    pub stated: Pico,
    /// Owned by the `team` on the call or charge.
    pub from_tag: Pico,
    /// Owned by nobody.
    pub unknown: Pico,
}

/// Adds up cost by how its owner is known. Amounts are of one currency; the caller keeps currencies
/// apart.
///
/// # Errors
///
/// [`MoneyError::Overflow`].
pub fn coverage<'a>(
    costs: impl IntoIterator<Item = (&'a Ownership, Pico)>,
) -> Result<Coverage, MoneyError> {
    costs.into_iter().try_fold(Coverage::default(), |mut sums, (ownership, cost)| {
        let sum = match ownership {
            Ownership::Stated { .. } => &mut sums.stated,
            Ownership::FromTag(_) => &mut sums.from_tag,
            Ownership::Unknown => &mut sums.unknown,
        };
        *sum = sum.checked_add(cost)?;
        Ok(sums)
    })
}

impl Coverage {
    /// Decimals of [`Self::owned_ratio`].
    pub const RATIO_PLACES: u32 = 12;

    /// Cost with an owner.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Overflow`].
    pub fn owned(&self) -> Result<Pico, MoneyError> {
        self.stated.checked_add(self.from_tag)
    }

    /// All cost.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Overflow`].
    pub fn total(&self) -> Result<Pico, MoneyError> {
        self.owned()?.checked_add(self.unknown)
    }

    /// Owned share of the cost, rounded half-even; `None` when the cost is zero. Credits count as they
    /// stand, so that a share of net cost can lie outside 0 to 1.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Overflow`].
    pub fn owned_ratio(&self) -> Result<Option<Decimal>, MoneyError> {
        let (owned, total) = (self.owned()?.to_decimal(), self.total()?.to_decimal());
        owned.quotient(total, Self::RATIO_PLACES).map_err(|_: DecimalError| MoneyError::Overflow)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_ownership() -> impl Strategy<Value = Ownership> {
        prop_oneof![
            (1_usize..5).prop_map(|rule| Ownership::Stated { owner: "search".into(), rule }),
            Just(Ownership::FromTag("support".into())),
            Just(Ownership::Unknown),
        ]
    }

    #[test]
    fn nothing_spent_has_no_share() {
        assert_eq!(coverage([]).unwrap().owned_ratio(), Ok(None));
        let stated = Ownership::Stated { owner: "search".into(), rule: 1 };
        let costs = [(&stated, Pico(2)), (&Ownership::Unknown, Pico(1))];
        let ratio = coverage(costs).unwrap().owned_ratio().unwrap().unwrap();
        assert_eq!(ratio.to_string(), "0.666666666667");
        let overflow = coverage([(&stated, Pico(i128::MAX)), (&stated, Pico(1))]);
        assert_eq!(overflow, Err(MoneyError::Overflow));
    }

    proptest! {
        #[test]
        fn parts_add_to_the_total(
            (costs, shuffled) in prop::collection::vec((any_ownership(), 0_i64..), 0..50)
                .prop_flat_map(|costs| (Just(costs.clone()), Just(costs).prop_shuffle())),
        ) {
            let of = |costs: &[(Ownership, i64)]| {
                coverage(costs.iter().map(|(owner, cost)| (owner, Pico((*cost).into())))).unwrap()
            };
            let found = of(&costs);
            prop_assert_eq!(of(&shuffled), found);
            let sum: i128 = costs.iter().map(|(_, cost)| i128::from(*cost)).sum();
            prop_assert_eq!(found.total().unwrap(), Pico(sum));
            let owned: i128 = costs
                .iter()
                .filter(|(ownership, _)| ownership.owner().is_some())
                .map(|(_, cost)| i128::from(*cost))
                .sum();
            prop_assert_eq!(found.owned().unwrap(), Pico(owned));
            if let Some(ratio) = found.owned_ratio().unwrap() {
                prop_assert!(Decimal::ZERO <= ratio && ratio <= Decimal::ONE);
            }
        }
    }
}
