//! One entry of the list of hosts.

use std::net::{IpAddr, Ipv6Addr};

/// The port of an entry that names none.
const HTTPS: u16 = 443;

/// A host, or a pattern of hosts, and the port at which it may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    host: Host,
    port: Port,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// The labels of a name or of an IPv4 address, which may be patterns.
    Labels(Vec<String>),
    /// One address.
    Address(IpAddr),
    /// A pattern of the shortest text of an IPv6 address.
    Version6(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    Only(u16),
    Any,
}

impl Entry {
    /// Reads `host`, `host:port`, `host:*`, `2001:db8::1`, `[2001:db8::1]` and `[2001:db8::1]:port`. `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = split(text)?;
        let port = match port {
            None => Port::Only(HTTPS),
            Some("*") => Port::Any,
            Some(number) if number.bytes().all(|c| c.is_ascii_digit()) => {
                Port::Only(number.parse().ok().filter(|port| *port > 0)?)
            }
            Some(_) => return None,
        };
        Some(Self { host: Host::parse(&host.to_ascii_lowercase())?, port })
    }

    /// Whether it speaks of a host, whatever the port. An IPv6 address is without brackets.
    pub(super) fn names(&self, host: &str) -> bool {
        match &self.host {
            Host::Labels(labels) => {
                let mut found = host.split('.');
                // An IPv6 address has no labels, not even one.
                !host.contains(':')
                    && labels.iter().all(|label| found.next().is_some_and(|found| fits(label, found)))
                    && found.next().is_none()
            }
            Host::Address(address) => host.parse() == Ok(*address),
            Host::Version6(pattern) => {
                host.parse::<Ipv6Addr>().is_ok_and(|address| fits(pattern, &address.to_string()))
            }
        }
    }

    /// Whether the host may be called at this port.
    pub(super) fn opens(&self, port: u16) -> bool {
        match self.port {
            Port::Only(only) => only == port,
            Port::Any => true,
        }
    }

    /// Whether it speaks of addresses and of this one. `*.*.*.*` fits the text of every address, but whoever writes it means
    /// names: it must not open the way to the metadata service.
    pub(super) fn names_address(&self, address: IpAddr) -> bool {
        let speaks_of_addresses = match &self.host {
            Host::Labels(labels) => {
                labels
                    .iter()
                    .flat_map(|label| label.chars())
                    .all(|c| c.is_ascii_digit() || matches!(c, '*' | '?'))
                    && labels.iter().any(|label| label.contains(|c: char| c.is_ascii_digit()))
            }
            Host::Address(_) => true,
            Host::Version6(pattern) => pattern.contains(|c: char| c.is_ascii_hexdigit()),
        };
        speaks_of_addresses && self.names(&address.to_string())
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address));
        }
        if text.contains(':') {
            let allowed = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '*' | '?');
            return text.chars().all(allowed).then(|| Self::Version6(text.to_owned()));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*' | '?');
        let label = |label: &str| !label.is_empty() && label.chars().all(allowed);
        let all = (1..=253).contains(&text.len()) && text.split('.').all(label);
        all.then(|| Self::Labels(text.split('.').map(str::to_owned).collect()))
    }
}

/// Host and port of an entry. Two colons without brackets are an IPv6 address.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        // Brackets are for IPv6 alone, in an entry as in a URL.
        let host = host.contains(':').then_some(host)?;
        return if port.is_empty() {
            Some((host, None))
        } else {
            Some((host, Some(port.strip_prefix(':')?)))
        };
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => Some((host, Some(port))),
        Some(_) | None => Some((text, None)),
    }
}

/// Whether a text fits a pattern: `*` stands for any characters, `?` for one. Both are in lower case.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    // Where to go on when what follows the last `*` does not fit: that one stands for a character more.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t].to_ascii_lowercase() => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((after, at)) = star else { return false };
                star = Some((after, at + 1));
                (p, t) = (after, at + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stands_for_any_characters_and_a_question_mark_for_one() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abc", true),
            ("a*c", "abd", false),
            ("a*b*c", "axbxbc", true),
            ("??-*", "cn-shanghai", true),
            ("??-*", "oss-cn-shanghai", false),
            ("?", "", false),
            ("a", "A", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_without_wildcards_fits_itself_alone(a in "[a-z0-9-]{1,8}", b in "[a-z0-9-]{1,8}") {
            prop_assert_eq!(fits(&a, &b), a == b);
            let (ends, begins) = (format!("*{a}"), format!("{a}*"));
            prop_assert!(fits(&ends, &[b.as_str(), &a].concat()));
            prop_assert!(fits(&begins, &[a.as_str(), &b].concat()));
        }

        #[test]
        fn no_text_makes_it_panic(entry in any::<String>(), host in any::<String>()) {
            if let Some(entry) = Entry::parse(&entry) {
                let _ = (entry.names(&host), entry.opens(443));
            }
        }
    }
}
