//! What all parts of one simulator share.

use jiff::Timestamp;
use tokio::time::Instant;

use crate::Config;
use crate::alibaba::Alibaba;
use crate::calls::Calls;
use crate::faults::Faults;
use crate::huawei::Huawei;
use crate::random::Random;
use crate::settings::SettingsCell;
use crate::tencent::Tencent;
use crate::tencent_legacy::TencentLegacy;

pub(crate) struct Core {
    pub(crate) calls: Calls,
    pub(crate) faults: Faults,
    pub(crate) settings: SettingsCell,
    pub(crate) random: Random,
    pub(crate) tencent: Tencent,
    pub(crate) tencent_legacy: TencentLegacy,
    pub(crate) alibaba: Alibaba,
    pub(crate) huawei: Huawei,
    /// The admin interface also answers to peers that are not on loopback.
    pub(crate) open_admin: bool,
    /// Our own clock and when it was read, so that time goes on evenly.
    started: (Timestamp, Instant),
}

impl Core {
    pub(crate) fn new(config: Config) -> Self {
        Self::begun(config, Timestamp::now())
    }

    /// The same at another time of day. From then on it goes on as tokio's clock does, paused or not.
    pub(crate) fn begun(config: Config, now: Timestamp) -> Self {
        Self {
            calls: Calls::new(config.call_log_capacity),
            faults: Faults::default(),
            settings: SettingsCell::new(config.settings),
            random: Random::new(config.seed),
            tencent: Tencent::new(config.tencent),
            tencent_legacy: TencentLegacy::new(config.tencent_legacy),
            alibaba: Alibaba::new(config.alibaba),
            huawei: Huawei::new(config.huawei),
            open_admin: config.open_admin,
            started: (now, Instant::now()),
        }
    }

    /// Time in milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> i64 {
        let (at_start, instant) = self.started;
        let passed = i64::try_from(instant.elapsed().as_millis()).unwrap_or(i64::MAX);
        at_start.as_millisecond().saturating_add(passed)
    }
}
