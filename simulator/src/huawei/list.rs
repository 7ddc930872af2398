//! `ListProducts`: pages and filters.

use http::StatusCode;
use serde_json::{Value, json};

use super::Done;
use super::account::State;
use super::actions::{Context, is_granted};
use super::product::Product;
use super::refusal::Refusal;

/// Longest page; a larger limit is cut to it.
const LONGEST: usize = 999;

/// The parameters of a list.
struct Query(Vec<(String, String)>);

impl Query {
    fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|text| !text.is_empty())
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| Refusal::parameter("link-product.search", name, "query"))
    }

    /// Whether a product is asked for.
    fn matches(&self, product: &Product, exact_name: bool) -> Result<bool, Refusal> {
        let is = |name: &str, value: &str| self.text(name).is_none_or(|wanted| wanted == value);
        let name = self.text("name").is_none_or(|wanted| {
            if exact_name { product.name == wanted } else { product.name.contains(wanted) }
        });
        let (from, to) = (self.number::<i64>("created_date_start")?, self.number::<i64>("created_date_end")?);
        let (kind, protocol) = (self.number::<i64>("product_type")?, self.number::<i64>("protocol_type")?);
        Ok(name
            && is("app_id", &product.app_id)
            && is("id", &product.id.to_string())
            && is("manufacturer_id", &product.manufacturer_id)
            && is("manufacturer_name", &product.manufacturer_name)
            && is("model", &product.model)
            && is("device_type", &product.device_type)
            && is("product_serial", &product.product_serial)
            && kind.is_none_or(|kind| kind == product.product_type)
            && protocol.is_none_or(|protocol| protocol == product.protocol_type)
            && from.is_none_or(|from| product.created_datetime >= from)
            && to.is_none_or(|to| product.created_datetime <= to))
    }
}

/// Newest first; nothing documents the order.
pub(crate) fn list(context: &Context<'_>, state: &State, query: &str) -> Result<Done, Refusal> {
    let query = Query(crate::tencent::query_pairs(query));
    let quirks = &context.settings.huawei;
    let limit = query.number("limit")?.unwrap_or(quirks.default_page).min(LONGEST);
    let offset: usize = query.number("offset")?.unwrap_or(0);
    let instance = context.instance(state)?;
    let mut found = Vec::new();
    for product in state.products.as_of(context.moment.list_lag).into_iter().rev() {
        let seen = product.instance_id == context.instance && is_granted(instance, &product.app_id);
        if seen && query.matches(&product, quirks.exact_name_filter)? {
            found.push(product);
        }
    }
    let total = found.len();
    let page = found.iter().skip(offset).take(limit);
    let items: Vec<Value> = page.map(|product| context.shown(instance, product)).collect();
    Ok(Done::with(StatusCode::OK, json!({"total": total, "size": items.len(), "items": items})))
}
