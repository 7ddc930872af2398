//! What a URL asks for.

use http::Uri;

use crate::kind::Kind;

/// A URL, read.
#[derive(Debug)]
pub(crate) struct Route<'a> {
    /// The resource, and its number.
    pub(crate) kind: (usize, &'a Kind),
    /// Namespace; empty for none, which is all of them in a list.
    pub(crate) namespace: String,
    /// Name, of a single object.
    pub(crate) name: Option<String>,
    /// The subresource `status`.
    pub(crate) status: bool,
    query: Vec<(String, String)>,
}

impl<'a> Route<'a> {
    /// Reads a URL; `None` when nothing is served there.
    pub(crate) fn of(uri: &Uri, kinds: &'a [Kind]) -> Option<Self> {
        let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() && rest[0] != "status" => {
                (*namespace, rest)
            }
            rest => ("", rest),
        };
        let (plural, name, status) = match rest {
            [plural] => (*plural, None, false),
            [plural, name] => (*plural, Some((*name).to_owned()), false),
            [plural, name, "status"] => (*plural, Some((*name).to_owned()), true),
            _ => return None,
        };
        let served = |kind: &&Kind| kind.group == group && kind.version == version && kind.plural == plural;
        let number = kinds.iter().position(|kind| served(&kind))?;
        let kind = (number, kinds.get(number)?);
        if status && !kind.1.custom() || kind.1.namespaced && name.is_some() && namespace.is_empty() {
            return None;
        }
        let query = uri.query().unwrap_or_default().split('&').filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        });
        Some(Self { kind, namespace: namespace.to_owned(), name, status, query: query.collect() })
    }

    /// A parameter of the query.
    pub(crate) fn parameter(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str())
    }

    /// The name as `metadata.name=` in a field selector asks for it.
    pub(crate) fn selected(&self) -> Option<&str> {
        let selector = self.parameter("fieldSelector")?;
        selector.strip_prefix("metadata.name%3D").or_else(|| selector.strip_prefix("metadata.name="))
    }
}
