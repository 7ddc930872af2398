//! A connection: one vendor account, seen with one key, and what was learnt through it.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use secrecy::{ExposeSecret, SecretString};

use super::alibaba::{self, Alibaba};
use super::inventory::Inventory;
use super::tencent::{self, Tencent};
use super::tencent_legacy::{self, TencentLegacy};
use super::{AnyCloud, Cloud, Traits};
use crate::api::{AccountSettings, Vendor, credentials_key};
use crate::http::Url;
use crate::http::endpoint::{AllowedEndpoints, EndpointError};
use crate::http::fence::Fence;
use crate::http::limit::{Budget, LimitSettings, Limiter};
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
    /// The CA bundle cannot be used.
    #[error(transparent)]
    Transport(#[from] BuildError),
    /// This version has no client for the vendor.
    #[error("this version of the operator has no client for {0} yet")]
    Unsupported(Vendor),
}

/// What connections of this process have in common.
#[derive(Clone)]
pub struct Surroundings {
    /// Hosts that may be called.
    pub endpoints: Arc<AllowedEndpoints>,
    /// Whether this process may act.
    pub fence: Arc<dyn Fence>,
    /// Counts calls.
    pub metrics: Metrics,
}

/// One vendor account through one key.
pub struct Connection {
    /// Fingerprint of vendor, host, region, site, instance, project and key id (protocol, "Terms").
    pub fingerprint: String,
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
    ) -> Result<Self, ConnectionError> {
        let endpoint = endpoint(settings, surroundings)?;
        let options = Options {
            ca_bundle,
            endpoints: Arc::clone(&surroundings.endpoints),
            fence: Arc::clone(&surroundings.fence),
        };
        let (key_id, cloud) = match settings.vendor {
            Vendor::TencentCloud => {
                let secret_id = required(credentials, credentials_key::SECRET_ID)?.expose_secret().to_owned();
                let cloud = Tencent::new(tencent::Settings {
                    endpoint,
                    site: settings.site(),
                    region: settings.region().to_owned(),
                    secret_id: secret_id.clone(),
                    secret_key: required(credentials, credentials_key::SECRET_KEY)?.clone(),
                    token: credentials.get(credentials_key::TOKEN).cloned(),
                    transport: Arc::new(Transport::new(options)?),
                    limiter: Arc::new(limiter(tencent::BUDGETS, settings, surroundings)),
                    metrics: surroundings.metrics.clone(),
                });
                (secret_id, AnyCloud::Tencent(cloud))
            }
            Vendor::TencentCloudLegacy => {
                let secret_id = required(credentials, credentials_key::SECRET_ID)?.expose_secret().to_owned();
                let cloud = TencentLegacy::new(tencent_legacy::Settings {
                    endpoint,
                    region: settings.region().to_owned(),
                    secret_id: secret_id.clone(),
                    secret_key: required(credentials, credentials_key::SECRET_KEY)?.clone(),
                    token: credentials.get(credentials_key::TOKEN).cloned(),
                    transport: Arc::new(Transport::new(options)?),
                    limiter: Arc::new(limiter(tencent_legacy::BUDGETS, settings, surroundings)),
                    metrics: surroundings.metrics.clone(),
                });
                (secret_id, AnyCloud::TencentLegacy(cloud))
            }
            Vendor::AlibabaCloud => {
                let key_id =
                    required(credentials, credentials_key::ACCESS_KEY_ID)?.expose_secret().to_owned();
                let cloud = alibaba(endpoint, key_id.clone(), settings, credentials, options, surroundings)?;
                (key_id, AnyCloud::Alibaba(cloud))
            }
            vendor @ Vendor::HuaweiCloud => return Err(ConnectionError::Unsupported(vendor)),
        };
        Ok(Self {
            fingerprint: fingerprint(settings, &key_id),
            vendor: settings.vendor,
            region: settings.region().to_owned(),
            cloud,
            inventory: Inventory::default(),
            seen: Mutex::default(),
        })
    }

    /// The vendor's facts.
    pub fn traits(&self) -> &'static Traits {
        self.cloud.traits()
    }

    /// Remembers that this connection shows a product.
    pub fn saw(&self, id: &str) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
    }

    /// Whether this connection has shown a product: then its not-found is believed (protocol, "Absent").
    pub fn has_seen(&self, id: &str) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }
}

fn alibaba(
    endpoint: Option<Url>,
    key_id: String,
    settings: &AccountSettings,
    credentials: &BTreeMap<String, SecretString>,
    options: Options,
    surroundings: &Surroundings,
) -> Result<Alibaba, ConnectionError> {
    let account = settings.alibaba.clone().unwrap_or_default();
    let region = settings.region().to_owned();
    let made = Alibaba::new(alibaba::Settings {
        endpoint,
        region: region.clone(),
        instance: account.instance_id,
        signature: account.signature,
        key_id,
        secret: required(credentials, credentials_key::ACCESS_KEY_SECRET)?.clone(),
        token: credentials.get(credentials_key::SECURITY_TOKEN).cloned(),
        transport: Arc::new(Transport::new(options)?),
        limiter: Arc::new(limiter(alibaba::BUDGETS, settings, surroundings)),
        metrics: surroundings.metrics.clone(),
    });
    made.ok_or_else(|| ConnectionError::NoUrl(format!("of region {region}")))
}

/// The vendor's facts, before there is a connection; `None` for a vendor without a client.
pub fn traits(vendor: Vendor) -> Option<&'static Traits> {
    match vendor {
        Vendor::TencentCloud => Some(&tencent::TRAITS),
        Vendor::TencentCloudLegacy => Some(&tencent_legacy::TRAITS),
        Vendor::AlibabaCloud => Some(&alibaba::TRAITS),
        Vendor::HuaweiCloud => None,
    }
}

fn required<'a>(
    credentials: &'a BTreeMap<String, SecretString>,
    key: &'static str,
) -> Result<&'a SecretString, ConnectionError> {
    credentials
        .get(key)
        .filter(|value| !value.expose_secret().is_empty())
        .ok_or(ConnectionError::MissingKey(key))
}

fn endpoint(settings: &AccountSettings, surroundings: &Surroundings) -> Result<Option<Url>, ConnectionError> {
    let Some(text) = &settings.endpoint else {
        return Ok(None);
    };
    let url: Url = text.parse().map_err(|_| ConnectionError::NoUrl(text.clone()))?;
    surroundings
        .endpoints
        .check(&url)
        .map_err(|source| ConnectionError::Endpoint { endpoint: text.clone(), source })?;
    Ok(Some(url))
}

fn limiter(budgets: &[Budget], settings: &AccountSettings, surroundings: &Surroundings) -> Limiter {
    let observer = surroundings.metrics.limiter_observer(settings.vendor.as_str());
    Limiter::new(budgets, limits(settings)).observed_by(observer)
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
    let mut hash = digest::Context::new(&digest::SHA256);
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
    for part in parts {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    let mut text = hex::encode(hash.finish());
    text.truncate(16);
    text
}
