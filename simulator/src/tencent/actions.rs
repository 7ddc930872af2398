//! What the product actions do: rules, effects, errors, as the vendor's reference has them.

use serde::Serialize;

use super::account::{Account, State};
use super::product::Product;
use super::refusal::Refusal;
use super::schema::Params;
use super::wire::{Frame, ProductInfo, View};
use crate::random::Random;
use crate::server::Moment;
use crate::settings::Settings;

/// What an action works on.
pub(crate) struct Context<'a> {
    pub(crate) account: &'a Account,
    pub(crate) region: &'a str,
    pub(crate) settings: &'a Settings,
    pub(crate) moment: &'a Moment,
    pub(crate) random: &'a Random,
}

/// A successful action.
#[derive(Default)]
pub(crate) struct Done {
    /// JSON object with the members of the answer.
    pub(crate) members: Vec<u8>,
    pub(crate) product_id: Option<String>,
    pub(crate) product_name: Option<String>,
}

impl Done {
    /// An answer with nothing but the request's id.
    pub(crate) fn nothing() -> Self {
        Self { members: b"{}".to_vec(), ..Self::default() }
    }

    pub(crate) fn members(members: &impl Serialize) -> Result<Self, Refusal> {
        let members = serde_json::to_vec(members)
            .map_err(|error| Refusal::new("InternalError", format!("no answer could be written: {error}")))?;
        Ok(Self { members, ..Self::default() })
    }

    fn about(mut self, product: &Product) -> Self {
        self.product_id = Some(product.product_id.clone());
        self.product_name = Some(product.product_name.clone());
        self
    }
}

impl Context<'_> {
    /// The region that restricts what is seen, if regions do.
    fn scope(&self) -> Option<&str> {
        self.settings.regions_hide_products.then_some(self.region)
    }

    fn sees(&self, product: &Product) -> bool {
        self.scope().is_none_or(|region| product.region == region)
    }

    /// The product with the id of the request.
    pub(crate) fn find(&self, state: &State, params: &Params) -> Result<Product, Refusal> {
        let id = params.text("ProductId").unwrap_or_default();
        if id.is_empty() {
            return Err(Refusal::value("The parameter `ProductId` is empty."));
        }
        let product = state.products.get(id).filter(|product| self.sees(product));
        product.map(|product| Product::clone(product)).ok_or_else(|| Refusal::no_product(id))
    }

    fn frame<'a>(&'a self, state: &'a State, product: &Product, view: View) -> Frame<'a> {
        Frame {
            quirks: &self.settings.tencent,
            view,
            uin: state.config.uin,
            model_name: state.config.models.get(&product.model_id).map_or("", String::as_str),
        }
    }
}

/// `[a-zA-Z0-9:_-]{1,32}`.
pub(crate) fn is_product_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b':' | b'_' | b'-'))
}

fn one_of(name: &str, value: Option<&str>, allowed: &[&str]) -> Result<String, Refusal> {
    let value = value.or_else(|| allowed.first().copied()).unwrap_or_default();
    if allowed.contains(&value) {
        return Ok(value.to_owned());
    }
    Err(Refusal::value(format!("The parameter `{name}` must be one of {}.", allowed.join(", "))))
}

/// The product that a create asks for, before it is known whether it may be.
fn wanted(params: &Params) -> Result<Product, Refusal> {
    let name = params.text("ProductName").unwrap_or_default();
    if !is_product_name(name) {
        return Err(Refusal::value("The parameter `ProductName` must match `[a-zA-Z0-9:_-]{1,32}`."));
    }
    let properties = params.object("ProductProperties");
    one_of("Region", properties.text("Region"), &["gz"])?;
    let description = properties.text("ProductDescription").unwrap_or_default();
    if description.chars().count() > 500 {
        return Err(Refusal::value("The parameter `ProductDescription` is longer than 500 characters."));
    }
    let product_type = properties.uint("ProductType").unwrap_or(0);
    if !matches!(product_type, 0 | 2 | 3 | 4 | 5) {
        let message = format!("The product type {product_type} is not supported.");
        return Err(Refusal::new("InvalidParameterValue.ProductTypeNotSupport", message));
    }
    let app_eui = properties.text("AppEUI").or_else(|| properties.text("Appeui")).unwrap_or_default();
    if !app_eui.is_empty() && (app_eui.len() != 16 || !app_eui.bytes().all(|c| c.is_ascii_hexdigit())) {
        return Err(Refusal::value("The parameter `AppEUI` must have 16 hexadecimal digits."));
    }
    // RegisterType, RegisterLimit, PrivateCAName and what only answers show are members of the type, so
    // they are let in, but nothing documents that a create honours them.
    Ok(Product {
        product_description: description.to_owned(),
        encryption_type: one_of("EncryptionType", properties.text("EncryptionType"), &["1", "2"])?,
        format: one_of("Format", properties.text("Format"), &["json", "custom"])?,
        product_type,
        app_eui: app_eui.to_owned(),
        model_id: properties.text("ModelId").filter(|id| !id.is_empty()).unwrap_or("-1").to_owned(),
        ..Product::named(name)
    })
}

pub(crate) fn create(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let mut product = wanted(params)?;
    context.region.clone_into(&mut product.region);
    product.creation_date = context.moment.unix_seconds;
    let mut state = context.account.state();
    if product.model_id != "-1" && !state.config.models.contains_key(&product.model_id) {
        let message = format!("The thing model `{}` does not exist.", product.model_id);
        return Err(Refusal::new("ResourceNotFound.ThingModelNotExist", message));
    }
    if state.products.named(&product.product_name).any(|other| context.sees(other)) {
        let message = format!("A product of the name `{}` exists already.", product.product_name);
        return Err(Refusal::new("InvalidParameterValue.ProductAlreadyExist", message));
    }
    if state.products.len() >= state.config.product_limit {
        let message = format!("The account has its {} products already.", state.config.product_limit);
        return Err(Refusal::new("LimitExceeded.ProductExceedLimit", message));
    }
    product.product_id = free_id(&state, context.random);
    let product = state.products.insert(product);
    let frame = context.frame(&state, &product, View::Create);
    Ok(Done::members(&ProductInfo::new(&product, &frame))?.about(&product))
}

/// A product id that the account does not have.
pub(crate) fn free_id(state: &State, random: &Random) -> String {
    loop {
        let id = random.product_id();
        if state.products.get(&id).is_none() {
            return id;
        }
    }
}

pub(crate) fn describe(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let state = context.account.state();
    let product = context.find(&state, params)?;
    let frame = context.frame(&state, &product, View::Describe);
    Ok(Done::members(&ProductInfo::new(&product, &frame))?.about(&product))
}

/// Offset and limit of a page, 10 to 250 long.
pub(crate) fn paging(params: &Params) -> Result<(usize, usize), Refusal> {
    let offset = params.uint("Offset").and_then(|offset| usize::try_from(offset).ok());
    let limit = params.uint("Limit").and_then(|limit| usize::try_from(limit).ok());
    match (offset, limit) {
        (Some(offset), Some(limit @ 10..=250)) => Ok((offset, limit)),
        _ => Err(Refusal::value("The parameter `Limit` must be from 10 to 250.")),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProductList<'a> {
    total_count: usize,
    products: Vec<ProductInfo<'a>>,
}

pub(crate) fn list(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let (offset, limit) = paging(params)?;
    let (page, uin, models) = {
        let state = context.account.state();
        let page = state.products.page(offset, limit, context.scope(), context.moment.list_lag);
        (page, state.config.uin, state.config.models.clone())
    };
    let products = page.products.iter().map(|product| {
        let model_name = models.get(&product.model_id).map_or("", String::as_str);
        let frame = Frame { quirks: &context.settings.tencent, view: View::List, uin, model_name };
        ProductInfo::new(product, &frame)
    });
    Done::members(&ProductList { total_count: page.total, products: products.collect() })
}

pub(crate) fn delete(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let mut state = context.account.state();
    let product = context.find(&state, params)?;
    if product.device_count > 0 {
        let message = format!("The product has {} devices.", product.device_count);
        return Err(Refusal::new("UnauthorizedOperation.DevicesExistUnderProduct", message));
    }
    state.products.remove(&product.product_id);
    Ok(Done::nothing().about(&product))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Registration<'a> {
    register_type: u64,
    product_secret: &'a str,
    register_limit: u64,
}

pub(crate) fn update_dynamic_register(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let register_type = params.uint("RegisterType").unwrap_or_default();
    if register_type > 2 {
        return Err(Refusal::value("The parameter `RegisterType` must be 0, 1 or 2."));
    }
    let mut state = context.account.state();
    let mut product = context.find(&state, params)?;
    if product.forbidden_status == 1 {
        let message = format!("The product `{}` is disabled.", product.product_id);
        return Err(Refusal::new("UnauthorizedOperation.ProductIsForbidden", message));
    }
    // Which types have dynamic registration is not documented beyond "some do not".
    if !matches!(product.product_type, 0 | 5) {
        let message = format!("Products of type {} have no dynamic registration.", product.product_type);
        return Err(Refusal::new("InvalidParameterValue.ProductTypeNotSupport", message));
    }
    product.register_type = register_type;
    if register_type == 2 {
        // The vendor's sample asks for type 0 with limit 10 and reads 10000: other types keep the old limit.
        product.register_limit = params.uint("RegisterLimit").unwrap_or_default();
    }
    let fresh = register_type > 0 && product.product_secret.is_empty();
    if fresh || context.settings.tencent.secret_changes_on_update {
        product.product_secret = context.random.product_secret();
    }
    let answer = Registration {
        register_type,
        product_secret: &product.product_secret,
        register_limit: product.register_limit,
    };
    let done = Done::members(&answer)?.about(&product);
    state.products.replace(product);
    Ok(done)
}

pub(crate) fn set_forbidden_status(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let status = params.uint("Status").unwrap_or_default();
    if status > 1 {
        return Err(Refusal::value("The parameter `Status` must be 0 or 1."));
    }
    let ids = params.texts("ProductId");
    if ids.is_empty() {
        return Err(Refusal::invalid("The parameter `ProductId` is an empty list."));
    }
    let mut state = context.account.state();
    let mut products = Vec::with_capacity(ids.len());
    for id in ids {
        let product = state.products.get(id).filter(|product| context.sees(product));
        products.push(product.map(|product| Product::clone(product)).ok_or_else(|| Refusal::no_product(id))?);
    }
    let done = match &products[..] {
        [product] => Done::nothing().about(product),
        _ => Done::nothing(),
    };
    for product in products {
        state.products.replace(Product { forbidden_status: status, ..product });
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_pattern() {
        for good in ["a", "A-z_0:9", &"x".repeat(32)] {
            assert!(is_product_name(good), "{good}");
        }
        for bad in ["", "a b", "a.b", "温度", "a/b", "a@b", "a\n", &"x".repeat(33)] {
            assert!(!is_product_name(bad), "{bad}");
        }
    }

    #[test]
    fn choices_default_to_the_first_and_refuse_others() {
        assert_eq!(one_of("Format", None, &["json", "custom"]).as_deref(), Ok("json"));
        assert_eq!(one_of("Format", Some("custom"), &["json", "custom"]).as_deref(), Ok("custom"));
        let refusal = one_of("Format", Some("xml"), &["json", "custom"]).unwrap_err();
        assert_eq!(refusal.code, "InvalidParameterValue");
    }
}
