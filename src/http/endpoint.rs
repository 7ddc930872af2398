//! Which hosts a request may go to.
//!
//! An account's `endpoint` is written by tenants; the process that follows it sits inside the cluster
//! network and holds other tenants' keys. So the host must match the operator's list by name and port, and what the
//! name resolves to must not be the pod itself or the machine's metadata service.
//!
//! The list is the administrator's flag, which holds for every account, or else the hosts of the account's vendor. Domains of
//! vendors are not enough: whoever has a bucket or a load balancer at a vendor has a host below its domain.

mod entry;
mod local;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Url;
use entry::Entry;
use local::is_local;

/// Why a request may not go there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// An entry of the list is not a host pattern.
    #[error(
        "allowed endpoint {glob:?} is not a host pattern; write a host without scheme, such as *.example.com, and a port \
         other than 443 behind it, such as *.example.com:8443 or *.example.com:*"
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
    /// The host may be called, but not at this port.
    #[error(
        "port {port} of host {host} is not among the allowed endpoints; leave the port out, or add {host}:{port} to \
         --allowed-endpoints"
    )]
    Port {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// The name is or resolves to an address of the machine itself, its link or a group.
    #[error(
        "host {host} has an address that is local to the machine or not a single host; if it is meant, the address itself \
         must be named in --allowed-endpoints (the operator's log shows it)"
    )]
    Address {
        /// The host.
        host: String,
        /// The refused address. Not part of the message, which tenants read: it would tell what names in the cluster resolve to.
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
    entries: Arc<[Entry]>,
    by_flag: bool,
    allow_plain_http: bool,
}

impl AllowedEndpoints {
    /// Reads entries: a host (`host.example.com`), an address (`127.0.0.1`, `::1`, `[::1]`) or a pattern of them
    /// (`*.example.com`, `fd00::*`), and a port behind it (`host.example.com:8443`, `[::1]:8443`, `127.0.0.1:*`); 443 if
    /// there is none. `*` stands for any characters of one label, `?` for one. None at all admits no host until
    /// [`Self::or_hosts`]. Plain http is refused until [`Self::with_plain_http`].
    ///
    /// # Errors
    /// [`EndpointError::BadGlob`] names the first entry that is not a host pattern.
    pub fn parse(globs: &[String]) -> Result<Self, EndpointError> {
        let read =
            |glob: &String| Entry::parse(glob).ok_or_else(|| EndpointError::BadGlob { glob: glob.clone() });
        let entries = globs.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { entries, by_flag: !globs.is_empty(), allow_plain_http: false })
    }

    /// The list for a vendor's accounts: as it is if there are entries, else these hosts of the vendor.
    #[must_use]
    pub fn or_hosts(&self, hosts: &[&str]) -> Self {
        if self.by_flag {
            return self.clone();
        }
        Self { entries: hosts.iter().filter_map(|host| Entry::parse(host)).collect(), ..self.clone() }
    }

    /// Whether the administrator has named the hosts. Only such a host is believed with a certificate authority that a tenant
    /// brings: a vendor's own hosts have public certificates.
    pub fn are_named(&self) -> bool {
        self.by_flag
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
        let mut entries = self.entries.iter().filter(|entry| entry.names(host)).peekable();
        if entries.peek().is_none() {
            return Err(EndpointError::Host { host: host.to_owned() });
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if !entries.any(|entry| entry.opens(port)) {
            return Err(EndpointError::Port { host: host.to_owned(), port });
        }
        match host.parse::<IpAddr>() {
            Ok(address) => self.admits_address(host, address),
            Err(_) => Ok(()),
        }
    }

    fn admits_address(&self, host: &str, address: IpAddr) -> Result<(), EndpointError> {
        if is_local(address) && !self.entries.iter().any(|entry| entry.names_address(address)) {
            tracing::warn!(host, %address, "the host's address is local and not named in --allowed-endpoints");
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
