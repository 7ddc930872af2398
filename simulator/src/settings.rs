//! What holds for the whole simulator, whatever rule matches: clock, lag, quotas, the vendors' quirks.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::{alibaba, huawei, tencent, tencent_legacy};

/// How a quota counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaMode {
    /// No call is refused.
    Off,
    /// Over any stretch of one second.
    #[default]
    Sliding,
    /// Over whole seconds of the vendor's clock, so that twice the number fits around a boundary.
    Window,
}

/// How many calls of one action an account may make in a second. Refused calls do not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// How it counts.
    pub mode: QuotaMode,
    /// Calls per second of every action that `actions` does not name. Not for Alibaba, which documents a
    /// number for each action.
    pub per_second: u32,
    /// Calls per second of single actions.
    pub actions: BTreeMap<String, u32>,
}

impl Default for Quota {
    fn default() -> Self {
        Self { mode: QuotaMode::default(), per_second: 20, actions: BTreeMap::new() }
    }
}

impl Quota {
    /// No quota at all.
    pub fn off() -> Self {
        Self { mode: QuotaMode::Off, ..Self::default() }
    }

    /// The limit of one action.
    pub(crate) fn limit(&self, action: &str) -> usize {
        self.named(action).unwrap_or(self.per_second as usize)
    }

    /// The limit of one action, if it is named.
    pub(crate) fn named(&self, action: &str) -> Option<usize> {
        self.actions.get(action).map(|limit| *limit as usize)
    }
}

/// Settings of a simulator; they can be changed while it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Calls per second.
    pub quota: Quota,
    /// Delay of every call before its effect, in milliseconds; a rule's latency comes on top.
    pub latency_ms: u64,
    /// Lists show the state of so many milliseconds ago, unless a rule says otherwise.
    pub list_lag_ms: u64,
    /// The vendor's clock is so many seconds ahead, unless a rule says otherwise.
    pub clock_skew_seconds: i64,
    /// Products are seen, and their names taken, only in the region they were created in.
    pub regions_hide_products: bool,
    /// Oddities of Tencent's answers.
    pub tencent: tencent::Quirks,
    /// Oddities of the answers of Tencent's older API.
    pub tencent_legacy: tencent_legacy::Quirks,
    /// What Alibaba's documents leave open.
    pub alibaba: alibaba::Quirks,
    /// What Huawei's documents leave open.
    pub huawei: huawei::HuaweiQuirks,
}

#[derive(Default)]
pub(crate) struct SettingsCell(RwLock<std::sync::Arc<Settings>>);

impl SettingsCell {
    pub(crate) fn new(settings: Settings) -> Self {
        Self(RwLock::new(std::sync::Arc::new(settings)))
    }

    pub(crate) fn get(&self) -> std::sync::Arc<Settings> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, settings: Settings) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = std::sync::Arc::new(settings);
    }
}
