//! The admin interface over HTTP, below `/_admin/alibaba/accounts`.

use http::Method;
use serde_json::json;

use super::account::{AccountConfig, Key};
use super::admin::AlibabaAdmin;
use super::product::Product;
use crate::admin_http::{Outcome, Refused, input, merged, output, parameter};
use crate::server::Incoming;

pub(crate) fn route(
    alibaba: &AlibabaAdmin,
    method: &Method,
    segments: &[&str],
    incoming: &Incoming,
) -> Outcome {
    match segments {
        [account, "products", rest @ ..] => products(alibaba, method, account, rest, incoming),
        rest => accounts(alibaba, method, rest, incoming),
    }
}

fn accounts(alibaba: &AlibabaAdmin, method: &Method, rest: &[&str], incoming: &Incoming) -> Outcome {
    match (method, rest) {
        (&Method::GET, []) => output(&alibaba.accounts()),
        (&Method::GET, [name]) => output(&alibaba.account(name)?),
        (&Method::PUT, [name]) => {
            let config = AccountConfig { name: (*name).to_owned(), ..input(incoming)? };
            alibaba.put_account(config);
            output(&alibaba.account(name)?)
        }
        (&Method::PATCH, [name]) => {
            let config = merged(&alibaba.account(name)?, &input(incoming)?)?;
            output(&alibaba.edit_account(name, |current| *current = config)?)
        }
        (&Method::PUT, [name, "keys"]) => {
            alibaba.set_keys(name, input::<Vec<Key>>(incoming)?)?;
            Ok(json!({}))
        }
        _ => Err(Refused::NoSuchPath),
    }
}

fn products(
    alibaba: &AlibabaAdmin,
    method: &Method,
    account: &str,
    rest: &[&str],
    incoming: &Incoming,
) -> Outcome {
    match (method, rest) {
        (&Method::GET, []) => match parameter::<String>(incoming, "name")? {
            Some(name) => output(&alibaba.products_named(account, &name)?),
            None => output(&alibaba.products(account)?),
        },
        (&Method::POST, []) => output(&alibaba.create_product(account, input::<Product>(incoming)?)?),
        (&Method::DELETE, []) => {
            alibaba.delete_all_products(account)?;
            Ok(json!({}))
        }
        (&Method::GET, [key]) => output(&alibaba.product(account, key)?),
        (&Method::PATCH, [key]) => {
            let product: Product = merged(&alibaba.product(account, key)?, &input(incoming)?)?;
            output(&alibaba.edit_product(account, key, |current| *current = product)?)
        }
        (&Method::DELETE, [key]) => output(&alibaba.delete_product(account, key)?),
        _ => Err(Refused::NoSuchPath),
    }
}
