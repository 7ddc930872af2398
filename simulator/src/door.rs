//! Which vendor's API a request is for, and what the pipeline asks of each.

use http::StatusCode;

use crate::alibaba::Alibaba;
use crate::calls::Decision;
use crate::core::Core;
use crate::huawei::Huawei;
use crate::reply::Reply;
use crate::server::{Incoming, Moment};
use crate::settings::Settings;
use crate::tencent::{self, Tencent};
use crate::tencent_legacy;

/// An answer and what the call log is told about it.
pub(crate) struct Answered {
    pub(crate) reply: Reply,
    pub(crate) decision: Decision,
}

impl From<tencent::Answered> for Answered {
    fn from(answered: tencent::Answered) -> Self {
        Self { reply: Reply::json(StatusCode::OK, answered.body), decision: answered.decision }
    }
}

/// Who asks for what, as far as can be seen before anything is checked.
pub(crate) struct Subject {
    pub(crate) account: String,
    pub(crate) action: String,
}

/// An API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Tencent, API 3.0.
    Tencent,
    /// Tencent, API 2.0.
    TencentLegacy,
    /// Alibaba.
    Alibaba,
    /// Huawei ROMA Connect LINK, and the tokens of its IAM.
    Huawei,
}

impl Door {
    /// The API that a request is for, if there is one: by its path, and where several are at one path by
    /// what only Alibaba's requests have.
    pub(crate) fn of(incoming: &Incoming) -> Option<Self> {
        match incoming.uri.path() {
            "/" if Alibaba::is_meant(incoming) => Some(Self::Alibaba),
            "/" => Some(Self::Tencent),
            tencent_legacy::PATH => Some(Self::TencentLegacy),
            path if Huawei::serves(path) => Some(Self::Huawei),
            _ => None,
        }
    }

    pub(crate) fn subject(self, core: &Core, incoming: &Incoming) -> Subject {
        match self {
            Self::Tencent => core.tencent.subject(incoming),
            Self::TencentLegacy => core.tencent_legacy.subject(incoming),
            Self::Alibaba => core.alibaba.subject(incoming),
            Self::Huawei => core.huawei.subject(incoming),
        }
    }

    /// Carries a call out.
    pub(crate) fn handle(
        self,
        core: &Core,
        incoming: &Incoming,
        settings: &Settings,
        moment: &Moment,
    ) -> Answered {
        match self {
            Self::Tencent => core.tencent.handle(incoming, settings, moment, &core.random).into(),
            Self::TencentLegacy => {
                core.tencent_legacy.handle(incoming, settings, moment, &core.random).into()
            }
            Self::Alibaba => core.alibaba.handle(incoming, settings, moment, &core.random),
            Self::Huawei => core.huawei.handle(incoming, settings, moment, &core.random),
        }
    }

    /// An error that no rule of the vendor led to.
    pub(crate) fn refuse(
        self,
        core: &Core,
        incoming: &Incoming,
        settings: &Settings,
        (told, message): (&str, &str),
    ) -> Answered {
        match self {
            Self::Tencent => Tencent::refuse(told, message, settings, &core.random).into(),
            Self::TencentLegacy => tencent_legacy::refuse(told, message, settings).into(),
            Self::Alibaba => Alibaba::refuse(incoming, told, message, settings, &core.random),
            Self::Huawei => Huawei::refuse(told, message, &core.random),
        }
    }

    /// The vendor's refusal of a call beyond the quota.
    pub(crate) fn throttle(self, core: &Core, incoming: &Incoming, settings: &Settings) -> Answered {
        let message = "The request frequency exceeds the limit. Please reduce the frequency of calls.";
        match self {
            Self::Tencent => self.refuse(core, incoming, settings, ("RequestLimitExceeded", message)),
            Self::TencentLegacy => self.refuse(core, incoming, settings, ("4400", message)),
            Self::Alibaba => Alibaba::throttle(incoming, settings, &core.random),
            Self::Huawei => self.refuse(core, incoming, settings, ("APIG.0308", message)),
        }
    }

    /// A successful answer that says nothing.
    pub(crate) fn empty(self) -> &'static [u8] {
        match self {
            Self::Tencent => br#"{"Response":{}}"#,
            Self::TencentLegacy => br#"{"code":0,"message":"","codeDesc":"Success"}"#,
            Self::Alibaba => br#"{"RequestId":"0","Success":true}"#,
            Self::Huawei => b"{}",
        }
    }
}
