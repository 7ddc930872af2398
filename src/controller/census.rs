//! How many products are in which state, for metrics.

use std::collections::BTreeMap;

use super::context::Context;
use crate::api::Reason;
use crate::metrics::ProductState;
use crate::record::condition::Truth;

/// Counts the products of every store. Labels come from closed sets: a reason that is none of ours has none.
pub fn products(ctx: &Context) -> BTreeMap<ProductState, u64> {
    let mut counts = BTreeMap::new();
    for product in ctx.scopes.iter().flat_map(|scope| scope.products.state()) {
        let (ready, reason) = product.ready.unwrap_or((Truth::Unknown, None));
        let (ready, reason) = (ready.as_str(), reason.map_or("", Reason::as_str));
        let state = ProductState { vendor: product.vendor.as_str(), ready, reason };
        *counts.entry(state).or_default() += 1;
    }
    counts
}
