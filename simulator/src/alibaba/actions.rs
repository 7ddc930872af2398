//! What the product actions do: rules, effects, errors.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::account::{Account, Instance, State};
use super::create::{check_description, check_name, wanted};
use super::params::Params;
use super::product::Product;
use super::refusal::Refusal;
use super::wire::{self, Quirks};
use crate::random::Random;
use crate::server::Moment;
use crate::settings::Settings;

/// What an action works on.
pub(crate) struct Context<'a> {
    pub(crate) account: &'a Account,
    pub(crate) instance: Instance,
    pub(crate) settings: &'a Settings,
    pub(crate) moment: &'a Moment,
    pub(crate) now_ms: i64,
    pub(crate) random: &'a Random,
}

/// A successful action.
#[derive(Default)]
pub(crate) struct Done {
    /// Members of the answer.
    pub(crate) members: Map<String, Value>,
    pub(crate) product_key: Option<String>,
    pub(crate) product_name: Option<String>,
}

impl Done {
    pub(crate) fn with(members: Value) -> Self {
        let members = match members {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        Self { members, ..Self::default() }
    }

    pub(crate) fn about(mut self, product: &Product) -> Self {
        self.product_key = Some(product.product_key.clone());
        self.product_name = Some(product.product_name.clone());
        self
    }
}

impl Context<'_> {
    fn quirks(&self) -> &Quirks {
        &self.settings.alibaba
    }

    /// The product with the key of the request, in the instance of the request.
    pub(crate) fn find(&self, state: &State, params: &Params) -> Result<Product, Refusal> {
        let key = params.text("ProductKey").unwrap_or_default();
        let found = state.products.get(key).filter(|product| product.iot_instance_id == self.instance.id);
        found.map(|product| Product::clone(product)).ok_or_else(|| Refusal::no_product(key))
    }

    /// The same, for a change, which only its owner may make.
    pub(crate) fn find_own(&self, state: &State, params: &Params) -> Result<Product, Refusal> {
        let product = self.find(state, params)?;
        if !product.owner {
            return Err(Refusal::new(
                "iot.Prod.NotProductOwner",
                "The product is shared by another account.",
            ));
        }
        Ok(product)
    }

    fn check_free(&self, state: &State, name: &str, but: Option<&Product>) -> Result<(), Refusal> {
        let taken = state.products.named(name).any(|other| {
            (self.quirks().names_unique_in_account || other.iot_instance_id == self.instance.id)
                && but.is_none_or(|product| product.sequence != other.sequence)
        });
        if taken {
            let message = format!("A product of the name {name} exists already.");
            return Err(Refusal::new("iot.prod.AlreadyExistedProductName", message));
        }
        Ok(())
    }
}

pub(crate) fn create(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let mut product = wanted(params, &context.instance)?;
    let mut state = context.account.state();
    context.check_free(&state, &product.product_name, None)?;
    let limit = if context.instance.mqtt { 1 } else { state.config.product_limit };
    let in_instance = |other: &&Arc<Product>| other.iot_instance_id == context.instance.id;
    if state.products.all().filter(in_instance).count() >= limit {
        let message = format!("The instance has its {limit} products already.");
        return Err(Refusal::new("iot.prod.ProductCountExceedMax", message));
    }
    product.product_key = free_key(&state, context.random);
    product.product_secret = context.random.mixed(16);
    product.gmt_create = context.now_ms;
    let product = state.products.insert(product);
    let data = wire::created(&product, context.quirks());
    Ok(Done::with(json!({"ProductKey": product.product_key, "Data": data})).about(&product))
}

/// A product key that the account does not have.
pub(crate) fn free_key(state: &State, random: &Random) -> String {
    loop {
        let key = format!("a1{}", random.mixed(9));
        if state.products.get(&key).is_none() {
            return key;
        }
    }
}

pub(crate) fn query(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let state = context.account.state();
    let product = context.find(&state, params)?;
    let lag = i64::try_from(context.quirks().read_lag_ms).unwrap_or(i64::MAX);
    if lag > 0 && context.now_ms.saturating_sub(product.gmt_create) < lag {
        return Err(Refusal::no_product(&product.product_key));
    }
    Ok(Done::with(json!({"Data": wire::shown(&product, context.quirks())})).about(&product))
}

/// Number and size of a page, both from 1, the latter to `most`.
pub(crate) fn paging(params: &Params, most: usize) -> Result<(usize, usize), Refusal> {
    let number = |name: &str| Ok(params.number(name)?.and_then(|number| usize::try_from(number).ok()));
    match (number("CurrentPage")?, number("PageSize")?) {
        (Some(page @ 1..), Some(size)) if (1..=most).contains(&size) => Ok((page, size)),
        _ => Err(Refusal::new("iot.common.InvalidPageParams", format!("Pages have 1 to {most} entries."))),
    }
}

pub(crate) fn list(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let (page, size) = paging(params, 200)?;
    let mut products = context.account.state().products.list(&context.instance.id, context.moment.list_lag);
    if let Some(code) = params.text("AliyunCommodityCode") {
        products.retain(|product| product.aliyun_commodity_code == code);
    }
    let total = products.len();
    let shown = products.iter().skip((page - 1).saturating_mul(size)).take(size);
    let list: Vec<_> = shown.map(|product| wire::listed(product, context.quirks())).collect();
    Ok(Done::with(json!({"Data": {
        "CurrentPage": page,
        "PageSize": size,
        "PageCount": total.div_ceil(size),
        "Total": total,
        "List": {"ProductInfo": list},
    }})))
}

pub(crate) fn update(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let name = params.text("ProductName").unwrap_or_default();
    check_name(name)?;
    let mut state = context.account.state();
    let mut product = context.find_own(&state, params)?;
    context.check_free(&state, name, Some(&product))?;
    match params.sent("Description") {
        // Whether that clears it is not documented, and neither is an empty text legal.
        None => {}
        Some("") => return Err(Refusal::value("Description")),
        Some(description) => {
            check_description(description)?;
            description.clone_into(&mut product.description);
        }
    }
    name.clone_into(&mut product.product_name);
    let done = Done::default().about(&product);
    state.products.replace(product);
    Ok(done)
}

pub(crate) fn delete(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let mut state = context.account.state();
    let product = context.find_own(&state, params)?;
    let held = product.device_count > 0 || product.released;
    if let Some(code) = context.quirks().delete_refusal.as_ref().filter(|_| held) {
        return Err(Refusal::new(code, "The product has devices or is released."));
    }
    state.products.remove(&product.product_key);
    Ok(Done::default().about(&product))
}

fn set_released(context: &Context<'_>, params: &Params, released: bool) -> Result<Done, Refusal> {
    let mut state = context.account.state();
    let product = context.find_own(&state, params)?;
    let done = Done::default().about(&product);
    state.products.replace(Product { released, ..product });
    Ok(done)
}

pub(crate) fn release(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    set_released(context, params, true)
}

pub(crate) fn cancel_release(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    set_released(context, params, false)
}
