//! An answer without what nobody reads, and within what was asked for.
//!
//! Of a product a list shows twice as many members as are used, and a page holds hundreds of products. A hostile vendor sends
//! millions of elements, or a text of megabytes. So only members with known names are kept, an array ends the reading as soon
//! as it has more elements than were asked for, and a text is kept as far as anybody looks at it.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::text::bounded;

/// Characters of a text that are kept: more than of anything that is used, so that nothing fits its pattern by being cut.
const TEXT: usize = 4096;

/// Values of all kinds that one element of a list may have, those in it included: twice what any vendor's product has.
const VALUES: usize = 48;

/// What is kept of answers of an API.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Names of the members that are kept, at every depth.
    pub(super) names: &'static [&'static str],
    /// Most elements of an array.
    pub(super) elements: u64,
}

/// The body is not an answer of this API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// No JSON object, or not one of the API's.
    #[error("the answer is not of this API")]
    NoAnswer,
    /// It has more in it than was asked for.
    #[error("the answer has more in it than was asked for; check the account's endpoint")]
    TooMuch,
}

/// Reads an object and keeps, at every depth, the members whose names are known.
pub(super) fn read(body: &[u8], known: &Known) -> Result<Map<String, Value>, Unreadable> {
    let elements = usize::try_from(known.elements).unwrap_or(usize::MAX);
    let reader = Reader { names: known.names, elements, left: &Cell::new(VALUES * (elements + 1)) };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = reader.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    match value {
        Ok(Value::Object(members)) => Ok(members),
        Err(_) if reader.left.get() == 0 => Err(Unreadable::TooMuch),
        Ok(_) | Err(_) => Err(Unreadable::NoAnswer),
    }
}

/// A value of whose objects the named members are kept.
#[derive(Clone, Copy)]
struct Reader<'a> {
    names: &'static [&'static str],
    elements: usize,
    /// Values that may still come; none once there was too much.
    left: &'a Cell<usize>,
}

impl Reader<'_> {
    /// Counts a value.
    fn count<E: serde::de::Error>(self) -> Result<(), E> {
        match self.left.get().checked_sub(1).filter(|left| *left > 0) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => self.too_much(),
        }
    }

    fn too_much<T, E: serde::de::Error>(self) -> Result<T, E> {
        self.left.set(0);
        Err(E::custom("more than was asked for"))
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(bounded_copy(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(self)? {
            if values.len() == self.elements {
                return self.too_much();
            }
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(name) = members.next_key_seed(Name(self.names))? {
            match name {
                Some(name) => {
                    kept.insert(name.to_owned(), members.next_value_seed(self)?);
                }
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Value::Object(kept))
    }
}

/// A copy of as much of a text as is kept.
fn bounded_copy(text: &str) -> String {
    // Characters have up to four bytes, so there are as many in the part that is copied.
    let end = text.floor_char_boundary(4 * TEXT);
    bounded(text[..end].to_owned(), TEXT)
}

/// A member's name, if it is known.
struct Name(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|known| **known == name).copied())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NAMES: &[&str] = &["a", "bc"];
    const KNOWN: Known = Known { names: NAMES, elements: 4 };

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c]{0,2}", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    fn without_unknown(value: Value) -> Value {
        match value {
            Value::Object(members) => members
                .into_iter()
                .filter(|(name, _)| NAMES.contains(&name.as_str()))
                .map(|(name, value)| (name, without_unknown(value)))
                .collect::<Map<_, _>>()
                .into(),
            Value::Array(values) => values.into_iter().map(without_unknown).collect(),
            other => other,
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_a_whole_reading_holds_of_them(value in any_json()) {
            let text = serde_json::to_vec(&json!({"a": value})).unwrap();
            let whole = without_unknown(serde_json::from_slice(&text).unwrap());
            prop_assert_eq!(read(&text, &KNOWN).map(Value::Object), Ok(whole));
        }
    }

    #[test]
    fn what_is_no_object_or_not_whole_is_not_read() {
        for text in ["", "[]", "null", "{\"a\":", "{\"a\":1} x", "{\"c\":}", "{\"a\":1,}"] {
            assert_eq!(read(text.as_bytes(), &KNOWN), Err(Unreadable::NoAnswer), "{text}");
        }
        assert_eq!(read(b"{\"a\":1,\"a\":2}", &KNOWN).map(Value::from), Ok(json!({"a": 2})));
    }

    #[test]
    fn more_than_was_asked_for_ends_the_reading() {
        let array = |length: usize| format!("{{\"a\":[{}0]}}", "0,".repeat(length - 1));
        assert!(read(array(4).as_bytes(), &KNOWN).is_ok());
        // The end of the text is not reached, so that it is no JSON does not matter.
        for long in [array(5), array(100_000), format!("{{\"a\":[{}", "0,".repeat(9))] {
            assert_eq!(read(long.as_bytes(), &KNOWN), Err(Unreadable::TooMuch));
        }
        let unknown = format!("{{\"c\":[{}0]}}", "0,".repeat(100_000));
        assert_eq!(read(unknown.as_bytes(), &KNOWN), Ok(Map::new()), "what is not kept may be long");
    }

    #[test]
    fn many_values_in_few_elements_end_the_reading_as_well() {
        let deep = (0..5).fold("0".to_owned(), |inner, _| format!("[{inner},{inner},{inner},{inner}]"));
        assert_eq!(read(format!("{{\"a\":{deep}}}").as_bytes(), &KNOWN), Err(Unreadable::TooMuch));
        let again = format!("{{{}\"a\":0}}", "\"a\":0,".repeat(VALUES * 5));
        assert_eq!(read(again.as_bytes(), &KNOWN), Err(Unreadable::TooMuch));
    }

    #[test]
    fn a_text_is_kept_as_far_as_anybody_looks_at_it() {
        for character in ["x", "温", "\u{1f321}", "\u{1b}"] {
            let text = json!({"a": character.repeat(100_000)}).to_string();
            let kept = read(text.as_bytes(), &KNOWN).unwrap();
            assert_eq!(kept["a"].as_str().unwrap(), character.repeat(TEXT));
        }
    }
}
