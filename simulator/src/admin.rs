//! The simulator from the inside: call log, gates, faults, settings; per vendor: accounts and products.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::alibaba::admin::AlibabaAdmin;
use crate::calls::{Call, CallState, Count};
use crate::core::Core;
use crate::faults::{ArmedRule, Rule};
use crate::huawei::admin::HuaweiAdmin;
use crate::settings::Settings;
use crate::tencent::admin::{Api, TencentAdmin};

/// What the admin interface refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// No account of that name.
    #[error("there is no account {0:?}; GET /_admin/VENDOR/accounts lists them")]
    NoAccount(String),
    /// No product of that id.
    #[error("account {account:?} has no product {id:?}")]
    NoProduct {
        /// Account.
        account: String,
        /// Product id.
        id: String,
    },
    /// The id that a product should get is in use.
    #[error("the product id {0:?} is taken; leave it out to get a fresh one")]
    IdTaken(String),
    /// What was waited for did not come.
    #[error("waited {waited_ms} ms in vain for {what}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long, in milliseconds.
        waited_ms: u64,
    },
    /// The call log does not reach back so far.
    #[error(
        "the call log no longer holds every call from {0} on; ask for a later one or count from the start"
    )]
    LogTooShort(u64),
}

impl AdminError {
    pub(crate) fn no_product(account: &str, id: &str) -> Self {
        Self::NoProduct { account: account.to_owned(), id: id.to_owned() }
    }
}

/// Handle to a simulator in this process. It may be cloned and outlive the simulator.
#[derive(Clone)]
pub struct Admin {
    core: Arc<Core>,
    /// The simulator's own runtime: waits are timed there, by real time, whatever clock the caller has.
    runtime: Handle,
}

impl Admin {
    pub(crate) fn new(core: Arc<Core>, runtime: Handle) -> Self {
        Self { core, runtime }
    }

    /// Accounts and products at Tencent.
    pub fn tencent(&self) -> TencentAdmin {
        TencentAdmin { core: self.core.clone(), api: Api::Current }
    }

    /// Accounts and products at Tencent that its older API 2.0 serves.
    pub fn tencent_legacy(&self) -> TencentAdmin {
        TencentAdmin { core: self.core.clone(), api: Api::Legacy }
    }

    /// Accounts and products at Alibaba.
    pub fn alibaba(&self) -> AlibabaAdmin {
        AlibabaAdmin { core: self.core.clone() }
    }

    /// Accounts and products at Huawei.
    pub fn huawei(&self) -> HuaweiAdmin {
        HuaweiAdmin { core: self.core.clone() }
    }

    /// Replaces all fault rules.
    pub fn set_faults(&self, rules: Vec<Rule>) {
        self.core.faults.replace(rules);
    }

    /// Appends a fault rule; earlier ones win.
    pub fn add_fault(&self, rule: Rule) {
        self.core.faults.add(rule);
    }

    /// Removes all fault rules. Calls that are held stay so until they are released.
    pub fn clear_faults(&self) {
        self.core.faults.replace(Vec::new());
    }

    /// The fault rules and how often they struck.
    pub fn faults(&self) -> Vec<ArmedRule> {
        self.core.faults.list()
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        Settings::clone(&self.core.settings.get())
    }

    /// Changes settings, for calls that arrive from now on.
    pub fn edit_settings(&self, edit: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings();
        edit(&mut settings);
        self.core.settings.set(settings);
    }

    /// Sequence number that the next call will get: a mark for [`Self::calls_since`].
    pub fn next_sequence(&self) -> u64 {
        self.core.calls.next_sequence()
    }

    /// The calls that are still in the log, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.core.calls.since(0)
    }

    /// The calls from a sequence number on that are still in the log, oldest first.
    pub fn calls_since(&self, sequence: u64) -> Vec<Call> {
        self.core.calls.since(sequence)
    }

    /// Exact numbers of decided calls per account, action and code since the start or the last reset.
    pub fn counts(&self) -> Vec<Count> {
        self.core.calls.counts()
    }

    /// The same for calls from a sequence number on, as long as the log reaches back.
    pub fn counts_since(&self, sequence: u64) -> Result<Vec<Count>, AdminError> {
        let covered = self.core.calls.covers(sequence);
        covered.then(|| self.core.calls.counts_since(sequence)).ok_or(AdminError::LogTooShort(sequence))
    }

    /// Decided calls of an action, over all accounts and codes.
    pub fn count(&self, action: &str) -> u64 {
        self.core.calls.count(action)
    }

    /// Lets one call that hangs or is held go on; false if it does not wait.
    pub fn release(&self, sequence: u64) -> bool {
        self.core.calls.release(Some(sequence)) == 1
    }

    /// Lets every call that hangs or is held go on, and tells how many did.
    pub fn release_all(&self) -> usize {
        self.core.calls.release(None)
    }

    /// Clears call log, counters and faults and lets held calls go. Products, accounts and settings stay.
    pub fn reset(&self) {
        self.clear_faults();
        self.release_all();
        self.core.calls.reset();
    }

    /// Waits until `found` gives something. It is asked again after every change of the call log; `what`
    /// names it in the error.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        timeout: Duration,
        mut found: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T, AdminError> {
        let mut changes = self.core.calls.changes();
        let mut alarm = self.runtime.spawn(tokio::time::sleep(timeout));
        loop {
            if let Some(found) = found(self) {
                alarm.abort();
                return Ok(found);
            }
            tokio::select! {
                _ = changes.changed() => {}
                _ = &mut alarm => {
                    let waited_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
                    return Err(AdminError::TimedOut { what: what.to_owned(), waited_ms });
                }
            }
        }
    }

    /// Waits until an action has at least so many decided calls; returns how many it has.
    pub async fn wait_calls(
        &self,
        action: &str,
        at_least: u64,
        timeout: Duration,
    ) -> Result<u64, AdminError> {
        let what = format!("{at_least} calls of {action}");
        let enough = |admin: &Self| Some(admin.count(action)).filter(|count| *count >= at_least);
        self.wait_for(&what, timeout, enough).await
    }

    /// Waits until a call of the action hangs or is held, and returns it.
    pub async fn wait_held(&self, action: &str, timeout: Duration) -> Result<Call, AdminError> {
        let stopped =
            |call: &Call| call.action == action && matches!(call.state, CallState::Held | CallState::Hanging);
        let what = format!("a held call of {action}");
        self.wait_for(&what, timeout, |admin| admin.calls().into_iter().find(&stopped)).await
    }
}
