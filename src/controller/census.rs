//! How many products are in which state, for metrics.

use std::collections::BTreeMap;

use super::context::Context;
use crate::api::Reason;
use crate::api::condition::READY;
use crate::metrics::ProductState;
use crate::record::condition::get;

/// Counts the products of every store. Labels come from closed sets: a text that is none of ours counts as
/// unknown.
pub fn products(ctx: &Context) -> BTreeMap<ProductState, u64> {
    let mut counts = BTreeMap::new();
    for product in ctx.scopes.iter().flat_map(|scope| scope.products.state()) {
        let conditions =
            product.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let ready = get(conditions, READY);
        let state = ProductState {
            vendor: product.spec.vendor.as_str(),
            ready: match ready.map(|ready| ready.status.as_str()) {
                Some("True") => "True",
                Some("False") => "False",
                _ => "Unknown",
            },
            reason: ready.and_then(|ready| Reason::parse(&ready.reason)).map_or("", Reason::as_str),
        };
        *counts.entry(state).or_default() += 1;
    }
    counts
}
