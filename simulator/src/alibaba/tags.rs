//! What the tag actions do.

use std::collections::BTreeMap;

use serde_json::json;

use super::actions::{Context, Done};
use super::create::is_tag;
use super::params::Params;
use super::product::Product;
use super::refusal::Refusal;
use super::wire;

/// Tags of one call.
const IN_A_CALL: usize = 10;
/// Tags of one product.
const OF_A_PRODUCT: usize = 100;

/// Which code refuses a tag is not documented, only that the answer lists the refused ones.
fn refused(tags: Vec<(String, String)>) -> Refusal {
    Refusal { tags, ..Refusal::value("ProductTag") }
}

/// The tags of a request. `fits` tells whether a key may be there.
fn tags(params: &Params, fits: impl Fn(&str) -> bool) -> Result<BTreeMap<String, String>, Refusal> {
    let sent = params.tags();
    let mut tags = BTreeMap::new();
    let mut bad = Vec::new();
    for (key, value) in &sent {
        let (key, value) = ((*key).to_owned(), value.unwrap_or_default().to_owned());
        if !is_tag(&key, &value) || !fits(&key) || tags.contains_key(&key) {
            bad.push((key, value));
        } else {
            tags.insert(key, value);
        }
    }
    if !bad.is_empty() || sent.len() > IN_A_CALL {
        return Err(refused(bad));
    }
    Ok(tags)
}

fn write(
    context: &Context<'_>,
    params: &Params,
    fits: impl Fn(&Product, &str) -> bool,
) -> Result<Done, Refusal> {
    let mut state = context.account.state();
    let mut product = context.find_own(&state, params)?;
    let tags = tags(params, |key| fits(&product, key))?;
    product.tags.extend(tags.clone());
    if product.tags.len() > OF_A_PRODUCT {
        return Err(refused(tags.into_iter().collect()));
    }
    let done = Done::default().about(&product);
    state.products.replace(product);
    Ok(done)
}

pub(crate) fn create(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let overwrites = context.settings.alibaba.create_tags_overwrites;
    write(context, params, |product, key| overwrites || !product.tags.contains_key(key))
}

pub(crate) fn update(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    write(context, params, |product, key| product.tags.contains_key(key))
}

pub(crate) fn delete(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let keys = params.texts("ProductTagKey");
    if keys.len() > IN_A_CALL {
        return Err(Refusal::value("ProductTagKey"));
    }
    let mut state = context.account.state();
    let mut product = context.find_own(&state, params)?;
    product.tags.retain(|key, _| !keys.contains(&key.as_str()));
    let done = Done::default().about(&product);
    state.products.replace(product);
    Ok(done)
}

pub(crate) fn list(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let state = context.account.state();
    let product = context.find(&state, params)?;
    let tags: Vec<_> = product.tags.iter().map(|(key, value)| wire::tag(key, value)).collect();
    Ok(Done::with(json!({"Data": {"ProductTag": tags}})).about(&product))
}

/// Products with any of the tags, newest first. There is no total.
pub(crate) fn find(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let page = params.number("CurrentPage")?.unwrap_or(1).max(1);
    let size = params.number("PageSize")?.unwrap_or(10).clamp(1, 50);
    let wanted = params.tags();
    if wanted.len() > IN_A_CALL {
        return Err(Refusal::value("ProductTag"));
    }
    let products = context.account.state().products.list(&context.instance.id, context.moment.list_lag);
    let has = |product: &Product, (key, value): &(&str, Option<&str>)| {
        product.tags.get(*key).is_some_and(|have| value.is_none_or(|value| value == have))
    };
    let skipped = usize::try_from((page - 1).saturating_mul(size)).unwrap_or(usize::MAX);
    let entries: Vec<_> = products
        .iter()
        .filter(|product| wanted.iter().any(|tag| has(product, tag)))
        .skip(skipped)
        .take(usize::try_from(size).unwrap_or(50))
        .map(|product| {
            json!({
                "ProductKey": product.product_key,
                "ProductName": product.product_name,
                "NodeType": product.node_type,
                "Description": product.description,
                "CreateTime": product.gmt_create,
            })
        })
        .collect();
    Ok(Done::with(json!({"ProductInfos": {"ProductInfo": entries}})))
}
