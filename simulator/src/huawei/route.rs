//! Paths and methods.

use http::Method;

use crate::server::Incoming;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Login,
    Create,
    List,
    Show,
    Update,
    Delete,
    Devices,
    ShowAuthentication,
    ResetAuthentication,
}

impl Call {
    /// Name in the vendor's SDK.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::Login => "KeystoneCreateUserTokenByPassword",
            Self::Create => "CreateProduct",
            Self::List => "ListProducts",
            Self::Show => "ShowProduct",
            Self::Update => "UpdateProduct",
            Self::Delete => "DeleteProduct",
            Self::Devices => "ListDevicesInProduct",
            Self::ShowAuthentication => "ShowProductAuthentication",
            Self::ResetAuthentication => "ResetProductAuthentication",
        }
    }

    pub(crate) fn has_body(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::ResetAuthentication)
    }
}

/// A path taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route<'a> {
    pub(crate) call: Call,
    pub(crate) project_id: &'a str,
    pub(crate) instance_id: &'a str,
    pub(crate) product_id: Option<&'a str>,
}

impl<'a> Route<'a> {
    /// `None` when no API has this path and method.
    pub(crate) fn of(incoming: &'a Incoming) -> Option<Self> {
        Self::parse(&incoming.method, incoming.uri.path())
    }

    fn parse(method: &Method, path: &'a str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let (project_id, instance_id, rest) = match segments[..] {
            ["v3", "auth", "tokens"] if method == Method::POST => {
                return Some(Self { call: Call::Login, project_id: "", instance_id: "", product_id: None });
            }
            ["v2", project, "link", "instances", instance, ref rest @ ..] => {
                (project, instance, rest.to_vec())
            }
            _ => return None,
        };
        let (call, product_id) = match (method.as_str(), &rest[..]) {
            (_, rest) if rest.contains(&"") => return None,
            ("POST", ["products"]) => (Call::Create, None),
            ("GET", ["products"]) => (Call::List, None),
            ("GET", ["products", id]) => (Call::Show, Some(*id)),
            ("PUT", ["products", id]) => (Call::Update, Some(*id)),
            ("DELETE", ["products", id]) => (Call::Delete, Some(*id)),
            ("GET", ["products", id, "devices-summary"]) => (Call::Devices, Some(*id)),
            ("GET", ["products", id, "authentication"]) => (Call::ShowAuthentication, Some(*id)),
            ("PUT", ["products", id, "authentication"]) => (Call::ResetAuthentication, Some(*id)),
            _ => return None,
        };
        Some(Self { call, project_id, instance_id, product_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &Method, path: &str) -> Option<Call> {
        Route::parse(method, path).map(|route| route.call)
    }

    #[test]
    fn paths_and_methods_name_their_calls() {
        let base = "/v2/p/link/instances/i/products";
        assert_eq!(call(&Method::POST, base), Some(Call::Create));
        assert_eq!(call(&Method::GET, base), Some(Call::List));
        assert_eq!(call(&Method::DELETE, &format!("{base}/7")), Some(Call::Delete));
        assert_eq!(call(&Method::PUT, &format!("{base}/7/authentication")), Some(Call::ResetAuthentication));
        assert_eq!(call(&Method::POST, "/v3/auth/tokens"), Some(Call::Login));
        for (method, path) in [
            (Method::GET, "/v3/auth/tokens".to_owned()),
            (Method::GET, format!("{base}/")),
            (Method::POST, format!("{base}/7")),
            (Method::GET, format!("{base}/7/topics")),
            (Method::GET, "/v2/p/link/instances/i".to_owned()),
        ] {
            assert_eq!(call(&method, &path), None, "{method} {path}");
        }
        let path = format!("{base}/7");
        let route = Route::parse(&Method::GET, &path).unwrap();
        assert_eq!((route.project_id, route.instance_id, route.product_id), ("p", "i", Some("7")));
    }
}
