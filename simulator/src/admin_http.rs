//! The admin interface over HTTP, below `/_admin/`; README.md lists it.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::admin::{Admin, AdminError};
use crate::alibaba;
use crate::core::Core;
use crate::faults::Rule;
use crate::huawei;
use crate::reply::Reply;
use crate::server::Incoming;
use crate::tencent::admin::TencentAdmin;
use crate::tencent::{AccountConfig, Key, Product};

/// Longest wait of one request.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// What a request could not be given.
pub(crate) enum Refused {
    Admin(AdminError),
    Input(String),
    NoSuchPath,
}

impl From<AdminError> for Refused {
    fn from(error: AdminError) -> Self {
        Self::Admin(error)
    }
}

pub(crate) type Outcome = Result<Value, Refused>;

/// Answers a request; whatever is wrong with it is part of the answer.
pub(crate) async fn answer(core: &Arc<Core>, incoming: &Incoming) -> Reply {
    let admin = Admin::new(core.clone(), Handle::current());
    let (status, value) = match route(&admin, incoming).await {
        Ok(value) => (StatusCode::OK, value),
        Err(Refused::Admin(error @ AdminError::TimedOut { .. })) => {
            (StatusCode::REQUEST_TIMEOUT, json!({"error": error.to_string()}))
        }
        Err(Refused::Admin(error @ AdminError::IdTaken(_))) => {
            (StatusCode::CONFLICT, json!({"error": error.to_string()}))
        }
        Err(Refused::Admin(error)) => (StatusCode::NOT_FOUND, json!({"error": error.to_string()})),
        Err(Refused::Input(message)) => (StatusCode::BAD_REQUEST, json!({"error": message})),
        Err(Refused::NoSuchPath) => {
            (StatusCode::NOT_FOUND, json!({"error": "no such admin path or method; see --help"}))
        }
    };
    Reply::json(status, value.to_string())
}

async fn route(admin: &Admin, incoming: &Incoming) -> Outcome {
    let path = incoming.uri.path().trim_start_matches("/_admin/").trim_end_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    match (&incoming.method, &segments[..]) {
        (&Method::GET, ["wait"]) => wait(admin, incoming).await,
        (method, [api @ ("tencent" | "tencent-legacy"), "accounts", rest @ ..]) => {
            let tencent = if *api == "tencent" { admin.tencent() } else { admin.tencent_legacy() };
            match rest {
                [account, "products", rest @ ..] => products(&tencent, method, account, rest, incoming),
                rest => accounts(&tencent, method, rest, incoming),
            }
        }
        (method, ["alibaba", "accounts", rest @ ..]) => {
            alibaba::admin_http::route(&admin.alibaba(), method, rest, incoming)
        }
        (method, ["huawei", rest @ ..]) => huawei::admin_http::route(&admin.huawei(), method, rest, incoming),
        (method, [name]) => general(admin, method, name, incoming),
        _ => Err(Refused::NoSuchPath),
    }
}

pub(crate) fn input<T: DeserializeOwned>(incoming: &Incoming) -> Result<T, Refused> {
    serde_json::from_slice(&incoming.body).map_err(|error| Refused::Input(error.to_string()))
}

pub(crate) fn output<T: Serialize>(value: &T) -> Outcome {
    serde_json::to_value(value).map_err(|error| Refused::Input(error.to_string()))
}

/// Sets the members of `patch` in `value` (JSON merge patch, but `null` is a value).
pub(crate) fn merged<T: Serialize + DeserializeOwned>(value: &T, patch: &Value) -> Result<T, Refused> {
    fn merge(into: &mut Value, patch: &Value) {
        match (into, patch) {
            (Value::Object(into), Value::Object(patch)) => {
                for (name, value) in patch {
                    merge(into.entry(name.clone()).or_insert(Value::Null), value);
                }
            }
            (into, patch) => patch.clone_into(into),
        }
    }
    let mut document = output(value)?;
    merge(&mut document, patch);
    serde_json::from_value(document).map_err(|error| Refused::Input(error.to_string()))
}

pub(crate) fn parameter<T: std::str::FromStr>(incoming: &Incoming, name: &str) -> Result<Option<T>, Refused> {
    let pairs = crate::tencent::query_pairs(incoming.query());
    let Some((_, text)) = pairs.into_iter().find(|(key, _)| key == name) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| Refused::Input(format!("query parameter {name}={text} is not valid")))
}

fn general(admin: &Admin, method: &Method, name: &str, incoming: &Incoming) -> Outcome {
    match (method, name) {
        (&Method::GET, "health") => Ok(json!({"status": "ok"})),
        (&Method::GET, "calls") => {
            let since = parameter(incoming, "since")?.unwrap_or(0);
            Ok(json!({"next": admin.next_sequence(), "calls": output(&admin.calls_since(since))?}))
        }
        (&Method::GET, "counts") => match parameter(incoming, "since")? {
            Some(since) => output(&admin.counts_since(since)?),
            None => output(&admin.counts()),
        },
        (&Method::POST, "reset") => {
            admin.reset();
            Ok(json!({}))
        }
        (&Method::POST, "release") => Ok(match parameter(incoming, "sequence")? {
            Some(sequence) => json!({"released": usize::from(admin.release(sequence))}),
            None => json!({"released": admin.release_all()}),
        }),
        (&Method::GET, "faults") => output(&admin.faults()),
        (&Method::POST, "faults") => {
            admin.add_fault(input::<Rule>(incoming)?);
            Ok(json!({}))
        }
        (&Method::PUT, "faults") => {
            admin.set_faults(input::<Vec<Rule>>(incoming)?);
            Ok(json!({}))
        }
        (&Method::DELETE, "faults") => {
            admin.clear_faults();
            Ok(json!({}))
        }
        (&Method::GET, "settings") => output(&admin.settings()),
        (&Method::PATCH, "settings") => {
            let settings = merged(&admin.settings(), &input(incoming)?)?;
            admin.edit_settings(|current| *current = settings);
            output(&admin.settings())
        }
        _ => Err(Refused::NoSuchPath),
    }
}

async fn wait(admin: &Admin, incoming: &Incoming) -> Outcome {
    let action: String =
        parameter(incoming, "action")?.ok_or_else(|| Refused::Input("action=… is missing".to_owned()))?;
    let timeout =
        Duration::from_millis(parameter(incoming, "timeout_ms")?.unwrap_or(30_000)).min(LONGEST_WAIT);
    if parameter::<String>(incoming, "state")?.as_deref() == Some("held") {
        return output(&admin.wait_held(&action, timeout).await?);
    }
    let at_least = parameter(incoming, "at_least")?.unwrap_or(1);
    Ok(json!({"count": admin.wait_calls(&action, at_least, timeout).await?}))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Keys {
    One(Key),
    All(Vec<Key>),
}

fn accounts(tencent: &TencentAdmin, method: &Method, rest: &[&str], incoming: &Incoming) -> Outcome {
    match (method, rest) {
        (&Method::GET, []) => output(&tencent.accounts()),
        (&Method::GET, [name]) => output(&tencent.account(name)?),
        (&Method::PUT, [name]) => {
            let config = AccountConfig { name: (*name).to_owned(), ..input(incoming)? };
            tencent.put_account(config);
            output(&tencent.account(name)?)
        }
        (&Method::PATCH, [name]) => {
            let config = merged(&tencent.account(name)?, &input(incoming)?)?;
            output(&tencent.edit_account(name, |current| *current = config)?)
        }
        (&Method::PUT, [name, "keys"]) => {
            tencent.set_keys(name, keys(incoming)?)?;
            Ok(json!({}))
        }
        (&Method::POST, [name, "keys"]) => {
            let more = keys(incoming)?;
            output(&tencent.edit_account(name, |config| config.keys.extend(more))?)
        }
        (&Method::DELETE, [name, "keys", secret_id]) => {
            tencent.remove_key(name, secret_id)?;
            Ok(json!({}))
        }
        (&Method::PUT, [name, "cas", ca]) => {
            tencent.add_private_ca(name, ca)?;
            Ok(json!({}))
        }
        _ => Err(Refused::NoSuchPath),
    }
}

fn keys(incoming: &Incoming) -> Result<Vec<Key>, Refused> {
    Ok(match input(incoming)? {
        Keys::One(key) => vec![key],
        Keys::All(keys) => keys,
    })
}

fn products(
    tencent: &TencentAdmin,
    method: &Method,
    account: &str,
    rest: &[&str],
    incoming: &Incoming,
) -> Outcome {
    match (method, rest) {
        (&Method::GET, []) => match parameter::<String>(incoming, "name")? {
            Some(name) => output(&tencent.products_named(account, &name)?),
            None => output(&tencent.products(account)?),
        },
        (&Method::POST, []) => output(&tencent.create_product(account, input::<Product>(incoming)?)?),
        (&Method::DELETE, []) => {
            tencent.delete_all_products(account)?;
            Ok(json!({}))
        }
        (&Method::GET, [id]) => output(&tencent.product(account, id)?),
        (&Method::PATCH, [id]) => {
            let product: Product = merged(&tencent.product(account, id)?, &input(incoming)?)?;
            output(&tencent.edit_product(account, id, |current| *current = product)?)
        }
        (&Method::DELETE, [id]) => output(&tencent.delete_product(account, id)?),
        _ => Err(Refused::NoSuchPath),
    }
}
