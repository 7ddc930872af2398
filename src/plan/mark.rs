//! The mark of ownership at the end of a product's description (protocol, "Terms").
//!
//! ` [iotp:<h>.<u>]`: h = first 12 hex digits of SHA-256 over owner id, namespace and name, joined by NUL;
//! u = first 8 characters of the object's UID. It guards against accidents, not against people who may
//! write to the vendor account.

use aws_lc_rs::digest;

/// What every mark begins with; `spec.description` may not contain it (CEL).
pub const OPENING: &str = "[iotp:";
const OWNER_DIGITS: usize = 12;
const UID_DIGITS: usize = 8;

/// One mark.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Hash of owner id, namespace and name.
    pub owner: String,
    /// Head of the UID.
    pub uid_head: String,
}

/// The marks that a description carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marks {
    /// None.
    None,
    /// Exactly one, which counts.
    One(Mark),
    /// Two or more: a conflict, whoever they name.
    Many,
}

impl Mark {
    /// The mark of an object.
    pub fn of(owner_id: &str, namespace: &str, name: &str, uid: &str) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        for (i, part) in [owner_id, namespace, name].into_iter().enumerate() {
            if i > 0 {
                hash.update(&[0]);
            }
            hash.update(part.as_bytes());
        }
        let mut owner = hex::encode(hash.finish());
        owner.truncate(OWNER_DIGITS);
        Self { owner, uid_head: uid.chars().take(UID_DIGITS).collect() }
    }

    /// The description to send: the user's text with this mark at its end.
    pub fn append_to(&self, description: &str) -> String {
        format!("{description} {self}")
    }

    /// Same owner, namespace and name, whichever UID.
    pub fn same_owner(&self, other: &Self) -> bool {
        self.owner == other.owner
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{OPENING}{}.{}]", self.owner, self.uid_head)
    }
}

fn hex_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The mark that begins at the start of `text`, and its length in bytes.
fn at_start(text: &str) -> Option<(Mark, usize)> {
    let inner = text.strip_prefix(OPENING)?;
    let body = inner.get(..OWNER_DIGITS + 1 + UID_DIGITS)?;
    let (owner, uid_head) = body.split_once('.')?;
    (hex_digits(owner, OWNER_DIGITS)
        && hex_digits(uid_head, UID_DIGITS)
        && inner[body.len()..].starts_with(']'))
    .then(|| {
        let mark = Mark { owner: owner.to_owned(), uid_head: uid_head.to_owned() };
        (mark, OPENING.len() + body.len() + 1)
    })
}

/// Finds the marks anywhere in a description; text that only looks like one is none.
pub fn find(description: &str) -> Marks {
    let mut found = Marks::None;
    for (start, _) in description.match_indices(OPENING) {
        if let Some((mark, _)) = at_start(&description[start..]) {
            found = match found {
                Marks::None => Marks::One(mark),
                Marks::One(_) | Marks::Many => return Marks::Many,
            };
        }
    }
    found
}

/// The description as its user wrote it: without marks and the space before each.
pub fn strip(description: &str) -> String {
    let mut text = String::with_capacity(description.len());
    let mut rest = description;
    while let Some(start) = rest.find(OPENING) {
        if let Some((_, length)) = at_start(&rest[start..]) {
            let before = &rest[..start];
            text.push_str(before.strip_suffix(' ').unwrap_or(before));
            rest = &rest[start + length..];
        } else {
            let end = start + OPENING.len();
            text.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    text.push_str(rest);
    // What stood around a mark may have become one.
    if text.len() < description.len() && find(&text) != Marks::None { strip(&text) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UID: &str = "0a1b2c3d-0000-4000-8000-000000000000";

    #[test]
    fn the_mark_depends_on_owner_namespace_and_name_and_not_on_how_they_are_split() {
        let mark = Mark::of("owner", "factory", "thermostat", UID);
        assert_eq!(mark.to_string().len(), 28);
        assert_eq!(mark.uid_head, "0a1b2c3d");
        assert_ne!(mark.owner, Mark::of("owner", "factoryt", "hermostat", UID).owner);
        assert_ne!(mark.owner, Mark::of("owne", "rfactory", "thermostat", UID).owner);
        assert!(mark.same_owner(&Mark::of("owner", "factory", "thermostat", "ffffffff-1")));
    }

    #[test]
    fn two_marks_are_many_even_when_equal() {
        let mark = Mark::of("o", "n", "p", UID);
        assert_eq!(find(&format!("{mark}{mark}")), Marks::Many);
    }

    #[test]
    fn what_only_looks_like_a_mark_is_text() {
        for text in
            ["[iotp:", "[iotp:0123456789ab.0123456]", "[iotp:0123456789AB.01234567]", "[iotp:温度", ""]
        {
            assert_eq!(find(text), Marks::None, "{text}");
            assert_eq!(strip(text), text);
        }
    }

    proptest! {
        #[test]
        fn a_description_comes_back_whole(text in "\\PC{0,60}", owner in "\\PC{0,8}") {
            prop_assume!(!text.contains(OPENING));
            let mark = Mark::of(&owner, "ns", "name", UID);
            let sent = mark.append_to(&text);
            prop_assert_eq!(find(&sent), Marks::One(mark));
            prop_assert_eq!(strip(&sent), text);
        }

        #[test]
        fn any_text_is_survived(text in ".*") {
            let _ = find(&text);
            prop_assert_eq!(find(&strip(&text)) == Marks::Many, false);
        }
    }
}
