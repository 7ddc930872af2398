//! Huawei's part of the admin interface over HTTP.

use http::Method;
use serde_json::json;

use super::admin::HuaweiAdmin;
use super::{AccountConfig, Key, Product, User};
use crate::admin_http::{Outcome, Refused, input, merged, output, parameter};
use crate::server::Incoming;

/// What is below `/_admin/huawei/`.
pub(crate) fn route(huawei: &HuaweiAdmin, method: &Method, rest: &[&str], incoming: &Incoming) -> Outcome {
    match rest {
        ["accounts", account, "products", rest @ ..] => products(huawei, method, account, rest, incoming),
        ["accounts", rest @ ..] => accounts(huawei, method, rest, incoming),
        ["keys", access_key] => match *method {
            Method::GET => {
                let (failures, locked) = (huawei.failures(access_key), huawei.was_locked(access_key));
                Ok(json!({"failures": failures, "was_locked": locked}))
            }
            Method::DELETE => {
                huawei.unlock(access_key);
                Ok(json!({}))
            }
            _ => Err(Refused::NoSuchPath),
        },
        _ => Err(Refused::NoSuchPath),
    }
}

fn accounts(huawei: &HuaweiAdmin, method: &Method, rest: &[&str], incoming: &Incoming) -> Outcome {
    match (method, rest) {
        (&Method::GET, []) => output(&huawei.accounts()),
        (&Method::GET, [name]) => output(&huawei.account(name)?),
        (&Method::PUT, [name]) => {
            huawei.put_account(AccountConfig { name: (*name).to_owned(), ..input(incoming)? });
            output(&huawei.account(name)?)
        }
        (&Method::PATCH, [name]) => {
            let config = merged(&huawei.account(name)?, &input(incoming)?)?;
            output(&huawei.edit_account(name, |current| *current = config)?)
        }
        (&Method::PUT, [name, "keys"]) => {
            huawei.set_keys(name, input::<Vec<Key>>(incoming)?)?;
            Ok(json!({}))
        }
        (&Method::PUT, [name, "users"]) => {
            huawei.set_users(name, input::<Vec<User>>(incoming)?)?;
            Ok(json!({}))
        }
        (&Method::POST, [name, "revoke"]) => Ok(json!({"revoked": huawei.revoke_tokens(name)?})),
        _ => Err(Refused::NoSuchPath),
    }
}

fn products(
    huawei: &HuaweiAdmin,
    method: &Method,
    account: &str,
    rest: &[&str],
    incoming: &Incoming,
) -> Outcome {
    match (method, rest) {
        (&Method::GET, []) => match parameter::<String>(incoming, "name")? {
            Some(name) => output(&huawei.products_named(account, &name)?),
            None => output(&huawei.products(account)?),
        },
        (&Method::POST, []) => output(&huawei.create_product(account, input::<Product>(incoming)?)?),
        (&Method::DELETE, []) => {
            huawei.delete_all_products(account)?;
            Ok(json!({}))
        }
        (&Method::GET, [id]) => output(&huawei.product(account, id)?),
        (&Method::PATCH, [id]) => {
            let product: Product = merged(&huawei.product(account, id)?, &input(incoming)?)?;
            output(&huawei.edit_product(account, id, |current| *current = product)?)
        }
        (&Method::DELETE, [id]) => output(&huawei.delete_product(account, id)?),
        _ => Err(Refused::NoSuchPath),
    }
}
