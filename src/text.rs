//! Texts from outside, made safe to keep, to write, to log and to print.
//!
//! Vendors and tenants choose texts that end up in conditions, in the log and on a terminal. Each passes
//! [`printable`] first: it is short, it is one line, and nothing in it moves a cursor. [`Text`] is the type of
//! what has passed, so that what must not be forgotten cannot be.

use std::fmt;
use std::ops::Deref;

use secrecy::{ExposeSecret, SecretString};

/// A vendor's error code. The longest that a vendor documents has 61 characters.
pub type Code = Text<80>;
/// A vendor's id of a request. One vendor documents 64 characters and shows 81 in a sample.
pub type RequestId = Text<80>;
/// What a call was about: a product's name or id.
pub type Subject = Text<128>;
/// A message about a failure: the operator's words and, in them, at most [`VENDOR_WORDS`] of the vendor's.
pub type Message = Text<600>;

/// Longest part of a vendor's message that is passed on, in characters.
pub const VENDOR_WORDS: usize = 300;
/// Longest text of an object in Kubernetes that a command prints, in characters.
pub const SHOWN: usize = 128;

/// What stands in the place of a secret.
const HIDDEN: &str = "(hidden)";

/// A text on one line, of at most `most` characters, without control characters and without `hide`.
///
/// What steers a terminal or turns the direction of writing becomes a space, and spaces at both ends go. A secret is hidden
/// wherever it stands, also where the text is cut off.
pub fn printable<'a>(text: &str, most: usize, hide: impl IntoIterator<Item = &'a SecretString>) -> String {
    let secrets: Vec<&str> =
        hide.into_iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty()).collect();
    let mut rest = text;
    let (mut shown, mut count) = (String::new(), 0);
    while count < most {
        if let Some(after) = secrets.iter().find_map(|secret| rest.strip_prefix(*secret)) {
            shown.extend(HIDDEN.chars().take(most - count));
            count += HIDDEN.len().min(most - count);
            rest = after;
            continue;
        }
        let mut characters = rest.chars();
        let Some(character) = characters.next() else { break };
        rest = characters.as_str();
        let character = if steers(character) { ' ' } else { character };
        // No text begins with a space.
        if !(shown.is_empty() && character.is_whitespace()) {
            shown.push(character);
            count += 1;
        }
    }
    shown.truncate(shown.trim_end().len());
    shown
}

/// Control characters, line ends of Unicode, and what reverses the order of the characters that follow.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{feff}')
}

/// A name as it is compared: its first `most` characters, with a sign in the place of each that must not be shown. Unlike
/// [`printable`] it makes two names that differ in spaces no less different.
pub fn legible(name: String, most: usize) -> String {
    let name = bounded(name, most);
    if name.contains(steers) { name.replace(steers, "\u{fffd}") } else { name }
}

/// The first `most` characters of a text, control characters included: for what is compared and not shown.
pub fn bounded(mut text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.shrink_to_fit();
    }
    text
}

/// A text that has passed [`printable`], of at most `MOST` characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Text<const MOST: usize>(String);

impl<const MOST: usize> Text<MOST> {
    /// The printable part of a text, without what was sent in confidence.
    pub fn without<'a>(text: &str, hide: impl IntoIterator<Item = &'a SecretString>) -> Self {
        Self(printable(text, MOST, hide))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MOST: usize> From<&str> for Text<MOST> {
    fn from(text: &str) -> Self {
        Self::without(text, [])
    }
}

impl<const MOST: usize> From<String> for Text<MOST> {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl<const MOST: usize> Deref for Text<MOST> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MOST: usize> fmt::Display for Text<MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MOST: usize> fmt::Debug for Text<MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const MOST: usize> PartialEq<str> for Text<MOST> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl<const MOST: usize> PartialEq<&str> for Text<MOST> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_steers_a_terminal_or_ends_a_line_becomes_a_space() {
        for (raw, shown) in [
            ("a\nb\r\nc", "a b  c"),
            ("\u{1b}[31mred\u{1b}[0m", "[31mred [0m"),
            ("a\u{9b}31mb", "a 31mb"),
            ("tab\tbell\u{7}del\u{7f}nul\0end", "tab bell del nul end"),
            ("a\u{2028}b\u{2029}c", "a b c"),
            ("admin\u{202e}gpj", "admin gpj"),
            ("  温度 \u{1f321} ", "温度 \u{1f321}"),
        ] {
            assert_eq!(printable(raw, 80, []), shown);
        }
    }

    #[test]
    fn a_text_is_cut_at_a_character_and_not_in_it() {
        assert_eq!(printable(&"温".repeat(100), 7, []), "温".repeat(7));
        assert_eq!(Text::<3>::from("\u{1f321}".repeat(9)).as_str(), "\u{1f321}".repeat(3));
        assert_eq!(bounded("温\n度".to_owned(), 2), "温\n");
        assert_eq!(legible(" a\u{1b}b ".to_owned(), 4), " a\u{fffd}b");
    }

    #[test]
    fn a_secret_is_hidden_wherever_it_stands_and_also_where_the_text_ends() {
        let secrets = [SecretString::from("s3cret"), SecretString::from("")];
        assert_eq!(printable("a s3cret b s3crets3cret", 80, &secrets), "a (hidden) b (hidden)(hidden)");
        for most in 0..40 {
            let text = format!("{}s3cret tail", "s3cret".repeat(3));
            let shown = printable(&text, most, &secrets);
            assert!(!shown.contains("s3c"), "{most}: {shown}");
            assert!(shown.chars().count() <= most);
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_short_one_line_and_stays_what_it_is(text in any::<String>(), most in 0_usize..200) {
            let once = printable(&text, most, []);
            prop_assert!(once.chars().count() <= most);
            prop_assert!(!once.chars().any(steers));
            prop_assert_eq!(printable(&once, most, []), once);
        }
    }
}
