//! Which vendor's API a request is for, by its path, and what the pipeline asks of each.

use crate::core::Core;
use crate::server::{Incoming, Moment};
use crate::settings::Settings;
use crate::tencent::{Answered, Subject, Tencent};
use crate::tencent_legacy;

/// An API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Tencent, API 3.0.
    Tencent,
    /// Tencent, API 2.0.
    TencentLegacy,
}

impl Door {
    /// The API at a path, if there is one.
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path {
            "/" => Some(Self::Tencent),
            tencent_legacy::PATH => Some(Self::TencentLegacy),
            _ => None,
        }
    }

    pub(crate) fn subject(self, core: &Core, incoming: &Incoming) -> Subject {
        match self {
            Self::Tencent => core.tencent.subject(incoming),
            Self::TencentLegacy => core.tencent_legacy.subject(incoming),
        }
    }

    pub(crate) fn handle(
        self,
        core: &Core,
        incoming: &Incoming,
        settings: &Settings,
        moment: &Moment,
    ) -> Answered {
        match self {
            Self::Tencent => core.tencent.handle(incoming, settings, moment, &core.random),
            Self::TencentLegacy => core.tencent_legacy.handle(incoming, settings, moment, &core.random),
        }
    }

    /// An error that no rule of the vendor led to.
    pub(crate) fn refuse(self, core: &Core, told: &str, message: &str, settings: &Settings) -> Answered {
        match self {
            Self::Tencent => Tencent::refuse(told, message, settings, &core.random),
            Self::TencentLegacy => tencent_legacy::refuse(told, message, settings),
        }
    }

    /// Code of the vendor's throttling error.
    pub(crate) fn throttled(self) -> &'static str {
        match self {
            Self::Tencent => "RequestLimitExceeded",
            Self::TencentLegacy => "4400",
        }
    }

    /// A successful answer that says nothing.
    pub(crate) fn empty(self) -> &'static [u8] {
        match self {
            Self::Tencent => br#"{"Response":{}}"#,
            Self::TencentLegacy => br#"{"code":0,"message":"","codeDesc":"Success"}"#,
        }
    }
}
