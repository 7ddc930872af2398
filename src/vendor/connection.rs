//! A connection: one vendor account, seen with one key, and what was learnt through it.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_lc_rs::digest;
use secrecy::{ExposeSecret, SecretString};

use super::inventory::Inventory;
use super::place::place;
use super::{AnyCloud, Cloud, Traits, alibaba, huawei, tencent, tencent_legacy};
use crate::api::{AccountSettings, Vendor};
use crate::http::Url;
use crate::http::carrier::Network;
use crate::http::endpoint::{AllowedEndpoints, EndpointError};
use crate::http::fence::Fence;
use crate::http::limit::{Budget, LimitSettings, Limiter};
use crate::http::memory::Memory;
use crate::http::transport::{BuildError, Options, Transport};
use crate::metrics::Metrics;

/// Why no connection can be made of an account's settings. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// A key of the credentials Secret is missing or empty.
    #[error("the credentials Secret has no key {0}; add it with the vendor's value")]
    MissingKey(&'static str),
    /// The endpoint is no URL or may not be called.
    #[error("endpoint {endpoint}: {source}")]
    Endpoint {
        /// As the account writes it.
        endpoint: String,
        /// What is wrong.
        source: EndpointError,
    },
    /// The endpoint is no URL.
    #[error("endpoint {0} is no URL; write scheme, host and port, such as https://host:443")]
    NoUrl(String),
    /// A tenant's certificate authority would vouch for a vendor's own host.
    #[error(
        "caBundle is taken for hosts that --allowed-endpoints names and for no others: the vendors' hosts have public \
         certificates; remove caBundle, or have the operator started with the host in --allowed-endpoints"
    )]
    CaBundle,
    /// The CA bundle cannot be used.
    #[error(transparent)]
    Transport(#[from] BuildError),
    /// The vendor's section is missing, which the schema refuses.
    #[error("the account has no {0} section; write it with the ids of the place")]
    NoSection(&'static str),
}

/// What connections of this process have in common.
#[derive(Clone)]
pub struct Surroundings {
    /// Hosts that may be called.
    pub endpoints: Arc<AllowedEndpoints>,
    /// Whether this process may act.
    pub fence: Arc<dyn Fence>,
    /// The way to the vendors.
    pub network: Arc<dyn Network>,
    /// Counts calls.
    pub metrics: Metrics,
    /// How often keys were refused where that locks them.
    pub refusals: Arc<huawei::Refusals>,
    /// What answers and lists may take.
    pub memory: Arc<Memory>,
    /// `limits.unsafe` of an account has no effect.
    pub forbid_unsafe_limits: bool,
    /// Whose connections they are: a namespace, or empty for the cluster's.
    pub tenant: Arc<str>,
}

/// The request budget of one account. It outlives the account's connections, because the vendor counts what was
/// sent in the last second whichever key signed it.
pub type SharedBudget = Arc<OnceLock<Arc<Limiter>>>;

/// One vendor account through one key.
pub struct Connection {
    /// Fingerprint of vendor, host, region, site, instance, project and key id (protocol, "Terms"). It is written down
    /// only as [`Connection::fingerprint_for`] gives it.
    fingerprint: String,
    /// The vendor.
    pub vendor: Vendor,
    /// Region as the output Secret shows it.
    pub region: String,
    /// The client.
    pub cloud: AnyCloud,
    /// Its lists.
    pub inventory: Inventory,
    seen: Mutex<HashSet<String>>,
}

impl Connection {
    /// Connects, which sends nothing.
    pub fn new(
        settings: &AccountSettings,
        credentials: &BTreeMap<String, SecretString>,
        ca_bundle: Option<Vec<u8>>,
        surroundings: &Surroundings,
        budget: &SharedBudget,
    ) -> Result<Self, ConnectionError> {
        let endpoints = Arc::new(surroundings.endpoints.or_hosts(hosts(settings.vendor)));
        let endpoint = endpoint(settings.endpoint.as_deref(), &endpoints)?;
        if ca_bundle.is_some() && !endpoints.are_named() {
            return Err(ConnectionError::CaBundle);
        }
        let options = Options {
            ca_bundle,
            endpoints,
            fence: Arc::clone(&surroundings.fence),
            network: Arc::clone(&surroundings.network),
            memory: Arc::clone(&surroundings.memory),
            tenant: Arc::clone(&surroundings.tenant),
        };
        let access = &Access { settings, credentials, endpoint, options, surroundings, budget };
        let (key_id, cloud) = match settings.vendor {
            Vendor::TencentCloud => tencent::connect(access)?,
            Vendor::TencentCloudLegacy => tencent_legacy::connect(access)?,
            Vendor::AlibabaCloud => alibaba::connect(access)?,
            Vendor::HuaweiCloud => huawei::connect(access)?,
        };
        Ok(Self {
            fingerprint: fingerprint(settings, &key_id),
            vendor: settings.vendor,
            region: settings.region().to_owned(),
            cloud,
            inventory: Inventory::new(Arc::clone(&surroundings.memory)),
            seen: Mutex::default(),
        })
    }

    /// The vendor's facts.
    pub fn traits(&self) -> &'static Traits {
        self.cloud.traits()
    }

    /// What tells this connection from others within the process. It is never written down.
    pub fn name(&self) -> &str {
        &self.fingerprint
    }

    /// The fingerprint as one object's ledger names it. Another object's ledger does not tell it: who reads that one
    /// could otherwise claim to have created something through this connection.
    pub fn fingerprint_for(&self, uid: &str) -> String {
        hashed(&[&self.fingerprint, uid])
    }

    /// Remembers that this connection shows a product.
    pub fn saw(&self, id: &str) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
    }

    /// Forgets having seen one product.
    pub fn forget(&self, id: &str) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Forgets having seen what is not kept any more.
    pub fn forget_seen(&self, is_kept: impl Fn(&str) -> bool) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).retain(|id| is_kept(id));
    }

    /// Whether this connection has shown a product: then its not-found is believed (protocol, "Absent").
    pub fn has_seen(&self, id: &str) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }
}

/// The hosts at which a vendor serves the API, as entries of the list of allowed ones: an account of the vendor may name these
/// as long as the operator's flag names no others. A region begins with two letters and a dash, which tells it from the
/// names of services at which customers have hosts of their own, such as `oss-cn-hangzhou` and `obs`.
pub fn hosts(vendor: Vendor) -> &'static [&'static str] {
    match vendor {
        Vendor::TencentCloud => tencent::HOSTS,
        Vendor::TencentCloudLegacy => tencent_legacy::HOSTS,
        Vendor::AlibabaCloud => alibaba::HOSTS,
        Vendor::HuaweiCloud => huawei::HOSTS,
    }
}

/// The vendor's facts, before there is a connection.
pub fn traits(vendor: Vendor) -> &'static Traits {
    match vendor {
        Vendor::TencentCloud => &tencent::TRAITS,
        Vendor::TencentCloudLegacy => &tencent_legacy::TRAITS,
        Vendor::AlibabaCloud => &alibaba::TRAITS,
        Vendor::HuaweiCloud => &huawei::TRAITS,
    }
}

/// What a client is made of. Each vendor's `connect` takes it and gives the id that tells keys apart.
pub(super) struct Access<'a> {
    pub(super) settings: &'a AccountSettings,
    credentials: &'a BTreeMap<String, SecretString>,
    pub(super) endpoint: Option<Url>,
    options: Options,
    surroundings: &'a Surroundings,
    budget: &'a SharedBudget,
}

impl Access<'_> {
    /// A value of the credentials Secret that must be there.
    pub(super) fn secret(&self, key: &'static str) -> Result<SecretString, ConnectionError> {
        self.optional(key)
            .filter(|value| !value.expose_secret().is_empty())
            .ok_or(ConnectionError::MissingKey(key))
    }

    /// The same for what is an id and no secret.
    pub(super) fn id(&self, key: &'static str) -> Result<String, ConnectionError> {
        Ok(self.secret(key)?.expose_secret().to_owned())
    }

    /// A value of the credentials Secret that may be absent.
    pub(super) fn optional(&self, key: &str) -> Option<SecretString> {
        self.credentials.get(key).cloned()
    }

    /// The region, as text.
    pub(super) fn region(&self) -> String {
        self.settings.region().to_owned()
    }

    /// A host of the account's settings, if it is allowed.
    pub(super) fn host(&self, text: Option<&str>) -> Result<Option<Url>, ConnectionError> {
        endpoint(text, &self.options.endpoints)
    }

    /// A transport to the hosts that may be called.
    pub(super) fn transport(&self) -> Result<Arc<Transport>, ConnectionError> {
        Ok(Arc::new(Transport::new(self.options.clone())?))
    }

    /// The account's budget at the vendor.
    pub(super) fn limiter(&self, budgets: &[Budget]) -> Arc<Limiter> {
        let mut limits = limits(self.settings);
        if limits.unsafe_raise && self.surroundings.forbid_unsafe_limits {
            tracing::warn!(
                "an account's limits.unsafe has no effect: the operator runs with --forbid-unsafe-limits"
            );
            limits.unsafe_raise = false;
        }
        let limiter = self.budget.get_or_init(|| {
            let observer = self.surroundings.metrics.limiter_observer(self.settings.vendor.as_str());
            Arc::new(Limiter::new(budgets, limits.clone()).observed_by(observer))
        });
        limiter.set_limits(limits, self.identity());
        Arc::clone(limiter)
    }

    /// A number for host and key: another one means that the account is asked elsewhere or as somebody else.
    fn identity(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        place(self.settings).hash(&mut hasher);
        for (key, value) in self.credentials {
            (key, value.expose_secret()).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// How often this process's keys were refused where that locks them.
    pub(super) fn refusals(&self) -> &huawei::Refusals {
        &self.surroundings.refusals
    }

    /// Where calls are counted.
    pub(super) fn metrics(&self) -> Metrics {
        self.surroundings.metrics.clone()
    }
}

fn endpoint(text: Option<&str>, endpoints: &AllowedEndpoints) -> Result<Option<Url>, ConnectionError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let url: Url = text.parse().map_err(|_| ConnectionError::NoUrl(text.to_owned()))?;
    endpoints
        .check(&url)
        .map_err(|source| ConnectionError::Endpoint { endpoint: text.to_owned(), source })?;
    Ok(Some(url))
}

fn limits(settings: &AccountSettings) -> LimitSettings {
    let mut per_action: BTreeMap<String, u32> = BTreeMap::new();
    let mut default = None;
    let limits = settings.limits.clone().unwrap_or_default();
    for (action, per_second) in limits.requests_per_second {
        let per_second = u32::try_from(per_second).unwrap_or(1).max(1);
        if action == "default" {
            default = Some(per_second);
        } else {
            per_action.insert(action, per_second);
        }
    }
    LimitSettings { per_action, default, unsafe_raise: limits.above_quota, ..LimitSettings::default() }
}

fn fingerprint(settings: &AccountSettings, key_id: &str) -> String {
    let site = settings.site();
    let alibaba = settings.alibaba.as_ref().and_then(|a| a.instance_id.as_deref()).unwrap_or_default();
    let huawei = settings.huawei.as_ref();
    let parts = [
        settings.vendor.as_str(),
        settings.endpoint.as_deref().unwrap_or_default(),
        settings.region(),
        site.as_str(),
        alibaba,
        huawei.map(|h| h.project_id.as_str()).unwrap_or_default(),
        huawei.map(|h| h.instance_id.as_str()).unwrap_or_default(),
        key_id,
    ];
    hashed(&parts)
}

/// 64 bits of a hash over several texts, in hex.
fn hashed(parts: &[&str]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in parts {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    let mut text = hex::encode(hash.finish());
    text.truncate(16);
    text
}

#[cfg(test)]
mod tests;
