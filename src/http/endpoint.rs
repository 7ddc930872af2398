//! Which hosts a request may go to.
//!
//! An account's `endpoint` is written by tenants; the process that follows it sits inside the cluster
//! network and holds other tenants' keys. So the host must match the operator's list by name, and what the
//! name resolves to must not be the pod itself or the machine's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Url;

/// The vendors' own domains, used when the operator is not told otherwise.
pub const DEFAULT_ENDPOINTS: [&str; 4] =
    ["*.tencentcloudapi.com", "*.api.qcloud.com", "*.aliyuncs.com", "*.myhuaweicloud.com"];

/// Metadata services that answer outside the link-local range: Alibaba Cloud, AWS over IPv6.
const METADATA: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Why a request may not go there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// An entry of the list is not a host glob.
    #[error(
        "allowed endpoint {glob:?} is not a host pattern; write a host without scheme and port, such as *.example.com"
    )]
    BadGlob {
        /// The entry.
        glob: String,
    },
    /// Neither https nor http.
    #[error("endpoint scheme {scheme} is not supported; write https://<host>")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// Plain http, which the operator was not told to allow.
    #[error(
        "plain http to {host} is not allowed; write https://{host}, or start the operator with --allow-plain-http"
    )]
    PlainHttp {
        /// The host.
        host: String,
    },
    /// No host at all.
    #[error("endpoint has no host; write https://<host>")]
    NoHost,
    /// User name or password in the URL.
    #[error("endpoint contains a user name or password; write https://{host} and put keys into the Secret")]
    UserInfo {
        /// The host.
        host: String,
    },
    /// Query or fragment in the URL.
    #[error("endpoint contains a query or fragment; write https://{host} alone")]
    Extra {
        /// The host.
        host: String,
    },
    /// The name matches no entry.
    #[error(
        "host {host} is not among the allowed endpoints; add it to --allowed-endpoints, or leave the endpoint out"
    )]
    Host {
        /// The host.
        host: String,
    },
    /// The name is or resolves to an address of the machine itself, its link or a group.
    #[error(
        "host {host} has address {address}, which is local to the machine or not a single host; if it is meant, name the address itself in --allowed-endpoints"
    )]
    Address {
        /// The host.
        host: String,
        /// The refused address.
        address: IpAddr,
    },
    /// The name has no address.
    #[error("host {host} has no address")]
    NoAddress {
        /// The host.
        host: String,
    },
}

/// The operator's list of hosts.
#[derive(Debug, Clone)]
pub struct AllowedEndpoints {
    hosts: GlobSet,
    addresses: GlobSet,
    allow_plain_http: bool,
}

impl AllowedEndpoints {
    /// Reads host globs (`*.example.com`, `127.0.0.1`, `fd00::*`); none means [`DEFAULT_ENDPOINTS`].
    /// Plain http is refused until [`Self::with_plain_http`].
    ///
    /// # Errors
    /// [`EndpointError::BadGlob`] names the first entry that is not a host pattern.
    pub fn parse(globs: &[String]) -> Result<Self, EndpointError> {
        let mut hosts = GlobSetBuilder::new();
        let mut addresses = GlobSetBuilder::new();
        let defaults: Vec<String> = DEFAULT_ENDPOINTS.map(str::to_owned).to_vec();
        for text in if globs.is_empty() { &defaults } else { globs } {
            let bad = || EndpointError::BadGlob { glob: text.clone() };
            let port = text.matches(':').count() == 1;
            if text.is_empty() || text.contains(['/', '@', ' ']) || port {
                return Err(bad());
            }
            let glob = GlobBuilder::new(text).case_insensitive(true).build().map_err(|_| bad())?;
            if names_addresses(text) {
                addresses.add(glob.clone());
            }
            hosts.add(glob);
        }
        let built =
            |set: GlobSetBuilder| set.build().map_err(|_| EndpointError::BadGlob { glob: globs.join(",") });
        Ok(Self { hosts: built(hosts)?, addresses: built(addresses)?, allow_plain_http: false })
    }

    /// Whether http without TLS is allowed.
    #[must_use]
    pub fn with_plain_http(self, allow_plain_http: bool) -> Self {
        Self { allow_plain_http, ..self }
    }

    /// Checks an endpoint as an account writes it: scheme, host, and nothing but a path behind it.
    pub fn check(&self, endpoint: &Url) -> Result<(), EndpointError> {
        self.admits(endpoint)?;
        if endpoint.query().is_some() || endpoint.fragment().is_some() {
            return Err(EndpointError::Extra { host: host_of(endpoint)?.to_owned() });
        }
        Ok(())
    }

    /// Checks where a request goes. An address as host never meets the resolver, so it is judged here.
    pub fn admits(&self, url: &Url) -> Result<(), EndpointError> {
        if !matches!(url.scheme(), "https" | "http") {
            return Err(EndpointError::Scheme { scheme: url.scheme().to_owned() });
        }
        let host = host_of(url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::UserInfo { host: host.to_owned() });
        }
        if url.scheme() == "http" && !self.allow_plain_http {
            return Err(EndpointError::PlainHttp { host: host.to_owned() });
        }
        if !self.hosts.is_match(host) {
            return Err(EndpointError::Host { host: host.to_owned() });
        }
        match host.parse::<IpAddr>() {
            Ok(address) => self.admits_address(host, address),
            Err(_) => Ok(()),
        }
    }

    fn admits_address(&self, host: &str, address: IpAddr) -> Result<(), EndpointError> {
        if is_local(address) && !self.addresses.is_match(address.to_string()) {
            return Err(EndpointError::Address { host: host.to_owned(), address });
        }
        Ok(())
    }

    fn filter(&self, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, EndpointError> {
        let mut refused = EndpointError::NoAddress { host: host.to_owned() };
        let mut kept = Vec::with_capacity(found.len());
        for address in found {
            match self.admits_address(host, address.ip()) {
                Ok(()) => kept.push(address),
                Err(reason) => refused = reason,
            }
        }
        if kept.is_empty() { Err(refused) } else { Ok(kept) }
    }
}

/// The host without the brackets of an IPv6 address.
fn host_of(url: &Url) -> Result<&str, EndpointError> {
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(EndpointError::NoHost)?;
    Ok(host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host))
}

/// Whether a glob speaks of addresses. `*` matches the text of every address, but whoever writes it means
/// names: it must not open the way to the metadata service.
fn names_addresses(glob: &str) -> bool {
    let shape = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '*' | '?' | '[' | ']' | '-');
    glob.chars().all(shape) && glob.contains(|c: char| c.is_ascii_digit() || c == ':')
}

/// Addresses at which no vendor can be: the machine, its link, a group. Private ranges are not among them:
/// vendors' VPC endpoints live there, and the name has already matched.
fn is_local(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let special = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast() || v4.octets()[0] == 0,
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    special
        || address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || METADATA.contains(&address)
}

/// A resolver that leaves out addresses the list does not admit. Checking after the look-up, in the same
/// step that connects, leaves no gap in which a name could change its address. A proxy of the environment
/// resolves names itself: it is the choice of whoever runs the operator.
#[derive(Debug, Clone)]
pub struct GuardedResolver {
    endpoints: Arc<AllowedEndpoints>,
}

impl GuardedResolver {
    /// A resolver by the list.
    pub fn new(endpoints: Arc<AllowedEndpoints>) -> Self {
        Self { endpoints }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let endpoints = Arc::clone(&self.endpoints);
        Box::pin(async move {
            let host = name.as_str();
            let found = tokio::net::lookup_host((host, 0)).await?.collect();
            let kept = endpoints.filter(host, found)?;
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
