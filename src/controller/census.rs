//! How many products are in which state, for metrics.

use std::collections::BTreeMap;

use super::context::Context;
use crate::metrics::ProductState;

/// Counts the products of every store. Labels come from closed sets: a text that is none of ours counts as
/// unknown.
pub fn products(ctx: &Context) -> BTreeMap<ProductState, u64> {
    let mut counts = BTreeMap::new();
    for product in ctx.scopes.iter().flat_map(|scope| scope.products.state()) {
        let (ready, reason) = product.ready.unwrap_or(("Unknown", ""));
        let state = ProductState { vendor: product.vendor.as_str(), ready, reason };
        *counts.entry(state).or_default() += 1;
    }
    counts
}
