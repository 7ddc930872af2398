//! What waits while a part of the cluster was never listed: a watched namespace that does not exist or whose Role is gone.
//!
//! An object there may record any product of the same place. So nothing may be done that would be wrong if one did and
//! that could not be undone. Creating is safe, because it makes a product with this object's own mark; so is everything
//! with what this object created. What is taken over, or was and is to be deleted, or is disputed, waits.

use super::mark::{Marks, find};
use super::origin::Origin;
use super::{Claim, Facts};
use crate::vendor::Observed;

/// Whether a product that was found may be recorded only when it is known who else records it. This object's exact mark
/// holds its UID: while the object lives nobody takes over what carries it.
pub fn waits_to_take(product: &Observed, claim: Claim, facts: &Facts) -> bool {
    let own = find(&product.description) == Marks::One(facts.mark.clone());
    !(own && claim == Claim::Mark)
}

/// Whether the recorded product may be changed or deleted only when it is known who else records it. `disputed`: when it
/// was last known, another had it.
pub fn waits_with_recorded(facts: &Facts, disputed: bool) -> bool {
    let lets_go = facts.deleting && (facts.retain || facts.force_forget);
    let touches = facts.recorded.is_some() && !facts.observe_only && !lets_go;
    touches && (disputed || facts.deleting && facts.origin != Some(Origin::Created))
}
