//! Everything that reads bytes from outside, by name, for `fuzz/` and for the test below.
//!
//! A target takes any bytes, must not panic, and says by its assertions what else must hold.

use std::collections::BTreeMap;

use http::StatusCode;

use crate::plan::desired::desired;
use crate::plan::ledger::Ledger;
use crate::plan::mark;
use crate::vendor::{CreateRequest, Traits, alibaba, huawei, tencent, tencent_legacy};

/// A target: its name, which is also that of its corpus, and what takes the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("tencent", tencent::fuzzing::answer),
    ("tencent_legacy", tencent_legacy::fuzzing::answer),
    ("alibaba", alibaba::fuzzing::answer),
    ("huawei", huawei::fuzzing::answer),
    ("refusals", refusals),
    ("canonical", canonical),
    ("desired", wishes),
    ("annotations", annotations),
];

/// Runs one target.
///
/// # Panics
/// When there is none of that name, and when the target finds something.
#[allow(clippy::panic, reason = "a wrong name is a mistake in fuzz/")]
pub fn run(name: &str, data: &[u8]) {
    let Some((_, target)) = TARGETS.iter().find(|(known, _)| *known == name) else {
        panic!("no target is called {name}");
    };
    target(data);
}

/// Two bytes of status, then action and code in a line each.
fn refusals(data: &[u8]) {
    let [a, b, rest @ ..] = data else { return };
    let status = StatusCode::from_u16(100 + u16::from_be_bytes([*a, *b]) % 500).unwrap_or_default();
    let text = String::from_utf8_lossy(rest);
    let (action, code) = text.split_once('\n').unwrap_or(("CreateProduct", &text));
    tencent::fuzzing::refusal(status, action, code);
    tencent_legacy::fuzzing::refusal(status, action, code);
    alibaba::fuzzing::refusal(status, action, code);
    huawei::fuzzing::refusal(status, action, code);
}

fn canonical(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    alibaba::fuzzing::canonical(&text);
    huawei::fuzzing::canonical(&text);
}

/// Makes a vendor's request of a wish.
type Request = fn(&CreateRequest);

/// A manifest's spec, for every vendor: what is wished, and the request that follows.
fn wishes(data: &[u8]) {
    let Ok(spec) = serde_json::from_slice(data) else { return };
    let vendors: [(&str, &Traits, Request); 4] = [
        ("TencentCloud", &tencent::TRAITS, tencent::fuzzing::request),
        ("TencentCloudLegacy", &tencent_legacy::TRAITS, tencent_legacy::fuzzing::request),
        ("AlibabaCloud", &alibaba::TRAITS, alibaba::fuzzing::request),
        ("HuaweiCloud", &huawei::TRAITS, huawei::fuzzing::request),
    ];
    for (vendor, traits, request) in vendors {
        let Ok(wish) = desired(&spec, vendor, traits) else { continue };
        let units = wish.description.as_deref().map_or(0, |text| text.encode_utf16().count());
        assert!(units <= traits.description_units, "room for the mark");
        assert!(wish.fields.keys().all(|field| traits.rule(field).is_some()), "{:?}", wish.fields);
        let description = wish.description.unwrap_or_default();
        request(&CreateRequest {
            name: wish.name,
            description,
            fields: wish.fields,
            inputs: BTreeMap::new(),
        });
    }
}

/// What users may write into annotations and descriptions.
fn annotations(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(ledger) = Ledger::parse(&text, "u") {
        assert_eq!(Ledger::parse(&ledger.text(), "u"), Some(ledger), "it reads what it wrote");
    }
    let ours = mark::Mark::of("owner", "namespace", "name", "0a1b2c3d-0000");
    let sent = ours.append_to(&mark::strip(&text));
    assert_eq!(mark::find(&sent), mark::Marks::One(ours), "one mark after it was sent");
}

#[cfg(test)]
mod tests;
