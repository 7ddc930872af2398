//! How much of a product is kept, and what cannot be one.
//!
//! Twice what the vendors document, so that no honest answer is cut: names of up to 64 characters (Huawei), descriptions of up
//! to 500 (Tencent's console), values of up to 64, tag keys and values of up to 128 (Alibaba, of which a product has 100).

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::{Observed, Value};
use crate::text::{bounded, legible};

/// Characters of a product's id, and of its serial.
const ID: usize = 64;
/// Characters of a name.
const NAME: usize = 128;
/// Characters of a description.
const DESCRIPTION: usize = 1000;
/// Characters of a value, of a tag's key, of a tag's value.
const VALUE: usize = 256;
/// Entries of a map.
const ENTRIES: usize = 200;
/// Bytes of a product secret. The longest that is documented has 24 characters.
const SECRET: usize = 256;

/// What a product takes beside its texts: itself, its map of fields and the names of enum values.
const OVERHEAD: usize = 1024;

/// Whether a text can be a product's id or serial. No vendor documents a pattern for ids that are texts; all samples are
/// letters and digits. An id becomes part of URLs, of Secrets and of status, where this is harmless everywhere.
pub(super) fn is_id(text: &str) -> bool {
    (1..=ID).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
}

/// A product secret that can be one. Every secret that a vendor shows passes here, so what stands for one that the vendor
/// hides is never taken for it and replaces none that is stored.
pub(super) fn secret(text: String) -> Option<SecretString> {
    let text = SecretString::from(text);
    let shown = text.expose_secret();
    ((1..=SECRET).contains(&shown.len()) && !is_mask(shown)).then_some(text)
}

/// Whether a text stands for a hidden one: stars alone, a run of them somewhere, or another character that is repeated. The
/// secrets of all vendors are letters and digits.
fn is_mask(text: &str) -> bool {
    let first = text.chars().next();
    let alike = text.chars().all(|c| Some(c) == first);
    text.contains("***") || alike && (first == Some('*') || text.chars().nth(3).is_some())
}

/// A product within the bounds. `None` when its id or its serial cannot be one: then nothing can be said about it.
pub(super) fn within(mut product: Observed) -> Option<Observed> {
    if !is_id(&product.id) || product.serial.as_deref().is_some_and(|serial| !is_id(serial)) {
        return None;
    }
    for value in product.fields.values_mut() {
        bound(value);
    }
    Some(Observed {
        name: legible(product.name, NAME),
        description: bounded(product.description, DESCRIPTION),
        ..product
    })
}

fn bound(value: &mut Value) {
    match value {
        Value::Text(text) => *text = bounded(std::mem::take(text), VALUE),
        Value::Map(map) => *map = map_within(std::mem::take(map)),
        Value::Number(_) | Value::Flag(_) => {}
    }
}

/// A map within the bounds.
pub(super) fn map_within(map: BTreeMap<String, String>) -> BTreeMap<String, String> {
    map.into_iter().take(ENTRIES).map(|(key, value)| (bounded(key, VALUE), bounded(value, VALUE))).collect()
}

/// About as many bytes as a product takes.
pub(super) fn weight(product: &Observed) -> usize {
    let value = |value: &Value| match value {
        Value::Text(text) => text.len(),
        Value::Map(map) => map.iter().map(|(key, value)| key.len() + value.len() + 64).sum(),
        Value::Number(_) | Value::Flag(_) => 0,
    };
    let fields: usize = product.fields.values().map(value).sum();
    let secret = product.secret.as_ref().map_or(0, |secret| secret.expose_secret().len());
    OVERHEAD + product.id.len() + product.name.len() + product.description.len() + fields + secret
}

/// Panics when a product from outside is larger than it may be or shows what must not be shown.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_within(product: &Observed) {
    let short = |text: &str, most: usize| text.chars().count() <= most;
    assert!(is_id(&product.id) && product.serial.as_deref().is_none_or(is_id), "{product:?}");
    assert!(short(&product.name, NAME) && !product.name.contains(char::is_control), "{product:?}");
    assert!(short(&product.description, DESCRIPTION), "{product:?}");
    for value in product.fields.values() {
        match value {
            Value::Text(text) => assert!(short(text, VALUE), "{product:?}"),
            Value::Map(map) => {
                assert!(map.len() <= ENTRIES && map.iter().all(|(k, v)| short(k, VALUE) && short(v, VALUE)));
            }
            Value::Number(_) | Value::Flag(_) => {}
        }
        let shown = value.shown();
        assert!(short(&shown, DESCRIPTION) && !shown.contains(char::is_control), "{shown:?}");
    }
    assert!(product.secret.as_ref().is_none_or(|secret| secret.expose_secret().len() <= SECRET));
}

/// Panics when what is kept of a refusal is longer than it may be or could forge a line of a log.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_printable(code: Option<&str>, message: &str, request_id: Option<&str>) {
    use crate::text::{Code, RequestId, VENDOR_WORDS, printable};

    let code = Code::from(code.unwrap_or_default());
    let request_id = RequestId::from(request_id.unwrap_or_default());
    let message = printable(message, VENDOR_WORDS, []);
    for (text, most) in [(code.as_str(), 80), (request_id.as_str(), 80), (&message, VENDOR_WORDS)] {
        assert!(text.chars().count() <= most && !text.contains(char::is_control), "{text:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_hidden_secret_is_none() {
        for mask in ["*", "****", "********", "xxxxxxxx", "••••", "ab****yz", ""] {
            assert!(secret(mask.to_owned()).is_none(), "{mask}");
        }
        for shown in ["SimSecret0000001", "aa*b", "0O0O"] {
            assert_eq!(secret(shown.to_owned()).unwrap().expose_secret(), shown);
        }
    }
}
