//! What the actions do: rules, effects, errors, as the vendor's reference has them.

use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use super::request::{Own, Parameter};
use super::wire;
use crate::random::Random;
use crate::server::Moment;
use crate::settings::Settings;
use crate::tencent::account::Account;
use crate::tencent::{Product, free_id, is_product_name};

/// What an action works on.
pub(crate) struct Context<'a> {
    pub(crate) account: &'a Account,
    pub(crate) settings: &'a Settings,
    pub(crate) moment: &'a Moment,
    pub(crate) random: &'a Random,
}

/// A successful action.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) members: Map<String, Value>,
    pub(crate) product_id: Option<String>,
    pub(crate) product_name: Option<String>,
}

impl Done {
    fn members(members: Value) -> Self {
        let members = if let Value::Object(members) = members { members } else { Map::new() };
        Self { members, ..Self::default() }
    }

    fn about(self, product: &Product) -> Self {
        let (product_id, product_name) =
            (Some(product.product_id.clone()), Some(product.product_name.clone()));
        Self { product_id, product_name, ..self }
    }
}

/// An action of the API.
pub(crate) struct Action {
    pub(crate) name: &'static str,
    pub(crate) parameters: &'static [Parameter],
    /// Number of "bad parameters".
    pub(crate) bad_parameters: u32,
    /// Changes something, so a blocked account may not.
    pub(crate) writes: bool,
    pub(crate) run: fn(&Context<'_>, &Own<'_>) -> Result<Done, Refusal>,
}

/// Every action that the simulator knows. There is none that reads or changes a product.
pub(crate) static ACTIONS: &[Action] = &[
    Action {
        name: "CreateProduct",
        parameters: &[("productName", true), ("productProperties", false)],
        bad_parameters: 1101,
        writes: true,
        run: create,
    },
    Action {
        name: "ListProducts",
        parameters: &[("pageNum", true), ("pageSize", true)],
        bad_parameters: 1101,
        writes: false,
        run: list,
    },
    Action {
        name: "DeleteProduct",
        parameters: &[("productID", true)],
        bad_parameters: 1101,
        writes: true,
        run: delete,
    },
    Action {
        name: "ListDevices",
        parameters: &[("productID", true), ("pageNum", true), ("pageSize", true)],
        bad_parameters: 2101,
        writes: false,
        run: list_devices,
    },
];

/// The product that a create asks for, before it is known whether it may be.
fn wanted(own: &Own<'_>) -> Result<Product, Refusal> {
    let name = own.text("productName");
    if !is_product_name(name) {
        return Err(own.bad("productName must match [a-zA-Z0-9:_-]{1,32}".to_owned()));
    }
    let mut product = Product::named(name);
    let text = own.text("productProperties");
    if text.is_empty() {
        return Ok(product);
    }
    let Ok(Value::Object(properties)) = serde_json::from_str(text) else {
        return Err(own.bad("productProperties is no JSON object".to_owned()));
    };
    for (name, value) in &properties {
        let good = match (name.as_str(), value) {
            ("productDescription", Value::String(text)) => {
                product.product_description.clone_from(text);
                text.chars().count() <= 500
            }
            ("encryptionType", Value::String(text)) => {
                product.encryption_type.clone_from(text);
                matches!(text.as_str(), "1" | "2")
            }
            ("region", Value::String(text)) => text == "gz",
            ("productType", Value::Number(number)) => {
                product.product_type = number.as_u64().unwrap_or(u64::MAX);
                product.product_type <= 2
            }
            _ => false,
        };
        if !good {
            return Err(own.bad(format!("productProperties.{name} is not as documented")));
        }
    }
    Ok(product)
}

fn create(context: &Context<'_>, own: &Own<'_>) -> Result<Done, Refusal> {
    let mut product = wanted(own)?;
    product.creation_date = context.moment.unix_seconds;
    let mut state = context.account.state();
    if state.products.named(&product.product_name).next().is_some() {
        return Err(Refusal::service(1001, "product name exists".to_owned()));
    }
    if state.products.len() >= state.config.product_limit {
        return Err(Refusal::service(1000, "product number exceeds the limit".to_owned()));
    }
    product.product_id = free_id(&state, context.random);
    let product = state.products.insert(product);
    let members = json!({"productID": product.product_id, "productName": product.product_name});
    Ok(Done::members(members).about(&product))
}

fn list(context: &Context<'_>, own: &Own<'_>) -> Result<Done, Refusal> {
    let (offset, limit) =
        own.page(250).ok_or_else(|| Refusal::service(1003, "invalid page number or size".to_owned()))?;
    let page = context.account.state().products.page(offset, limit, None, context.moment.list_lag);
    let quirks = &context.settings.tencent_legacy;
    let products: Vec<Value> = page.products.iter().map(|product| wire::entry(product, quirks)).collect();
    Ok(Done::members(json!({"totalCnt": page.total, "products": products})))
}

fn delete(context: &Context<'_>, own: &Own<'_>) -> Result<Done, Refusal> {
    let mut state = context.account.state();
    let product = find(&state, own.text("productID"), 1004)?;
    if product.device_count > 0 {
        let message = format!("{} devices exist under the product", product.device_count);
        return Err(Refusal::service(1005, message));
    }
    state.products.remove(&product.product_id);
    Ok(Done::default().about(&product))
}

fn list_devices(context: &Context<'_>, own: &Own<'_>) -> Result<Done, Refusal> {
    let (offset, limit) = own.page(100).ok_or_else(|| own.bad("invalid page number or size".to_owned()))?;
    let product = find(&context.account.state(), own.text("productID"), 2008)?;
    let numbers = (0..product.device_count).skip(offset).take(limit);
    let devices: Vec<Value> =
        numbers.map(|number| json!({"deviceName": format!("device-{number:07}")})).collect();
    let members = json!({"totalCnt": product.device_count, "devices": devices});
    Ok(Done::members(members).about(&product))
}

fn find(state: &crate::tencent::account::State, id: &str, missing: u32) -> Result<Product, Refusal> {
    let product = state.products.get(id).map(|product| Product::clone(product));
    product.ok_or_else(|| Refusal::service(missing, "product does not exist".to_owned()))
}
