//! How many calls an action may have.

use std::collections::BTreeMap;

/// A vendor's documented quota for one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The action as the vendor calls it.
    pub action: &'static str,
    /// Calls per second.
    pub per_second: u32,
}

/// The account's wishes about its budgets (`spec.limits`), in calls per second; 0 counts as 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitSettings {
    /// Limits by action.
    pub per_action: BTreeMap<String, u32>,
    /// Limit of the actions that `per_action` does not name.
    pub default: Option<u32>,
    /// Settings may also raise a budget above the documented quota.
    pub unsafe_raise: bool,
    /// Quota of actions for which the vendor documents none.
    pub default_budget: u32,
}

impl LimitSettings {
    pub(super) fn budget(&self, action: &str, documented: Option<u32>) -> u32 {
        let documented = documented.unwrap_or(self.default_budget);
        let wished = self.per_action.get(action).copied().or(self.default);
        let budget = match wished {
            Some(wished) if self.unsafe_raise => wished,
            Some(wished) => wished.min(documented),
            None => documented,
        };
        budget.max(1)
    }
}
