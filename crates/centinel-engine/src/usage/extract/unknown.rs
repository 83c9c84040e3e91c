//! What no dialect knows.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    found::Found,
    read::{Str, shown},
};

/// Something that no dialect knows: numbers in it are noted, so that a new class of tokens does not
/// go unseen.
pub(super) struct Unknown<'p, 'f, 'de> {
    pub(super) path: &'p [&'p str],
    pub(super) found: &'f mut Found<'de>,
}

/// Deepest unknown object looked into.
const DEPTH_MAX: usize = 6;

impl Unknown<'_, '_, '_> {
    fn number(self, is_zero: bool) {
        if !is_zero {
            let path = self.path;
            self.found
                .note_unknown(|| path.iter().map(|part| shown(part)).collect::<Vec<_>>().join("."));
        }
    }
}

impl<'de> DeserializeSeed<'de> for Unknown<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unknown<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.number(value == 0);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.number(value == 0);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.number(value.abs() < f64::MIN_POSITIVE);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Str<'de>>()? {
            if self.path.len() < DEPTH_MAX {
                let mut path = self.path.to_vec();
                path.push(&key.0);
                map.next_value_seed(Unknown { path: &path, found: &mut *self.found })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
