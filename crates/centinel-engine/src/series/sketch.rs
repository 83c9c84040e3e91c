//! A mergeable quantile sketch over whole numbers, the same on every machine.

/// Counts by log-linear bucket: values below 64 exactly, larger ones by their five leading binary
/// digits after the first, so a quantile is within 1.6 % of a value that was added.
///
/// The bucket scheme of HdrHistogram, in integers only: merging is addition, the order of adding
/// does not matter, and the bytes are the same on every machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sketch {
    // Sorted by bucket.
    counts: Vec<(u16, u64)>,
    total: u64,
}

const LINEAR: u64 = 64;
const SUB_BITS: u32 = 5;

fn bucket(value: u64) -> u16 {
    if value < LINEAR {
        return u16::try_from(value).unwrap_or(u16::MAX);
    }
    let exponent = 63_u32.saturating_sub(value.leading_zeros());
    let shift = exponent.saturating_sub(SUB_BITS);
    let mantissa = value.checked_shr(shift).unwrap_or(0) & 31;
    let group = exponent.saturating_sub(6);
    u16::try_from(
        u64::from(group).saturating_mul(32).saturating_add(LINEAR).saturating_add(mantissa),
    )
    .unwrap_or(u16::MAX)
}

/// The middle of a bucket.
fn middle(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    let Some(offset) = bucket.checked_sub(LINEAR) else { return bucket };
    let shift = u32::try_from(offset >> SUB_BITS).unwrap_or(57).saturating_add(1);
    let low = (32 | (offset & 31)).checked_shl(shift).unwrap_or(u64::MAX);
    low.saturating_add(1_u64.checked_shl(shift.saturating_sub(1)).unwrap_or(0))
}

impl Sketch {
    /// Adds one value.
    pub fn add(&mut self, value: u64) {
        self.add_to(bucket(value), 1);
    }

    /// Adds all values of another sketch.
    pub fn merge(&mut self, other: &Self) {
        for &(bucket, count) in &other.counts {
            self.add_to(bucket, count);
        }
    }

    fn add_to(&mut self, bucket: u16, count: u64) {
        self.total = self.total.saturating_add(count);
        match self.counts.binary_search_by_key(&bucket, |&(bucket, _)| bucket) {
            Ok(index) => {
                if let Some((_, sum)) = self.counts.get_mut(index) {
                    *sum = sum.saturating_add(count);
                }
            }
            Err(index) => self.counts.insert(index, (bucket, count)),
        }
    }

    /// Forgets all values, keeps the buffer.
    pub fn clear(&mut self) {
        self.counts.clear();
        self.total = 0;
    }

    /// How many values were added.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The value below which a share `q` (0 to 1) of the values lies, nearest rank; `None` when
    /// empty.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank among counts; the share is clamped"
    )]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let rank = ((self.total as f64 * q.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0_u64;
        for &(bucket, count) in &self.counts {
            seen = seen.saturating_add(count);
            if seen >= rank {
                return Some(middle(bucket));
            }
        }
        None
    }

    /// Compact bytes: pairs of (bucket step, count) as LEB128.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut last = 0;
        for &(bucket, count) in &self.counts {
            push_varint(&mut bytes, u64::from(bucket.saturating_sub(last)));
            push_varint(&mut bytes, count);
            last = bucket;
        }
        bytes
    }

    /// Reads [`Self::to_bytes`]; `None` when the bytes are cut or are no sketch.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut sketch = Self::default();
        let mut bucket = 0_u16;
        while !bytes.is_empty() {
            bucket = bucket.checked_add(u16::try_from(take_varint(&mut bytes)?).ok()?)?;
            let count = take_varint(&mut bytes)?;
            sketch.add_to(bucket, count);
        }
        Some(sketch)
    }
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap_or(0));
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_ascend_without_a_gap() {
        let mut last = 0;
        for value in (0..100_000).chain([u64::MAX >> 1, u64::MAX]) {
            let at = bucket(value);
            assert!(at == last || at == last + 1 || value > 100_000, "{value}");
            last = at;
        }
    }

    proptest! {
        #[test]
        fn quantiles_are_within_two_percent(mut values in proptest::collection::vec(0_u64..1 << 40, 1..300)) {
            let mut sketch = Sketch::default();
            for &value in &values {
                sketch.add(value);
            }
            values.sort_unstable();
            for (q, index) in [(0.5, (values.len() - 1) / 2), (1.0, values.len() - 1)] {
                let exact = values[index] as f64;
                let found = sketch.quantile(q).unwrap() as f64;
                prop_assert!((found - exact).abs() <= exact * 0.016 + 0.5, "{} {}", found, exact);
            }
        }

        #[test]
        fn bytes_and_merges_keep_every_value(a in proptest::collection::vec(any::<u64>(), 0..50), b in proptest::collection::vec(any::<u64>(), 0..50)) {
            let sketch = |values: &[u64]| values.iter().fold(Sketch::default(), |mut sketch, &value| { sketch.add(value); sketch });
            let mut merged = sketch(&a);
            merged.merge(&sketch(&b));
            prop_assert_eq!(&merged, &sketch(&[a, b].concat()));
            prop_assert_eq!(Sketch::from_bytes(&merged.to_bytes()), Some(merged));
        }
    }
}
