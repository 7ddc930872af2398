//! Secrets in every form in which a text may show them.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What is looked for.
pub(crate) struct Needles(BTreeSet<String>);

impl Needles {
    /// Plain, in hexadecimal, URL-encoded, and in base64 of both alphabets at any place of a longer text.
    pub(crate) fn of(secrets: &BTreeSet<String>) -> Self {
        Self(secrets.iter().flat_map(|secret| forms(secret)).collect())
    }

    /// The lines that have one in them.
    pub(crate) fn in_lines(&self, text: &str) -> Vec<String> {
        let found = |line: &&str| self.0.iter().any(|needle| line.contains(needle.as_str()));
        if self.0.iter().any(|needle| text.contains(needle.as_str())) {
            text.lines().filter(found).map(str::to_owned).collect()
        } else {
            Vec::new()
        }
    }
}

fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let encoded = |upper: bool| -> String {
        let escape = |byte: &u8| {
            let plain = byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
            let hex = if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
            if plain { char::from(*byte).to_string() } else { hex }
        };
        bytes.iter().map(escape).collect()
    };
    let mut forms =
        vec![secret.to_owned(), hex::encode(bytes), hex::encode_upper(bytes), encoded(true), encoded(false)];
    for before in 0..3 {
        let padded = [&b"\0\0"[..before], bytes].concat();
        // The digits that depend on nothing but the secret.
        let (first, last) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            forms.push(engine.encode(&padded)[first..last].to_owned());
        }
    }
    forms
}

/// No form goes unseen, or nothing that is looked for would be found.
pub(crate) fn assert_seen() {
    let secret = "a secret/of+letters & more";
    let needles = Needles::of(&BTreeSet::from([secret.to_owned()]));
    for around in ["", "x", "xy", "xyz"] {
        let text = format!("{around}{secret}{around}");
        for shown in [
            text.clone(),
            hex::encode(&text),
            STANDARD_NO_PAD.encode(&text),
            URL_SAFE_NO_PAD.encode(&text),
            format!("{around}a%20secret%2Fof%2Bletters%20%26%20more"),
        ] {
            assert_eq!(needles.in_lines(&format!("one\n{shown}\ntwo")), [shown.as_str()], "{shown}");
        }
    }
    assert!(needles.in_lines("a secret of letters").is_empty());
}
