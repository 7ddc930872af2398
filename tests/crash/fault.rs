//! What can go wrong with one request.

use iot_simulator::{Fault as VendorFault, Garbage, Rule, When};

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process dies before the request is sent.
    DieBefore,
    /// It dies when the request had its effect, before the answer comes.
    DieAfter,
    /// It dies when the answer was worked on, before the next request.
    DieAnswered,
    /// No connection.
    Refused,
    /// The connection is cut, without effect.
    CutBefore,
    /// The connection is cut after the effect.
    CutAfter,
    /// No answer and no effect.
    TimeoutBefore,
    /// No answer, and the effect all the same.
    TimeoutAfter,
    /// A refusal with this code, without effect.
    Error(&'static str),
    /// An HTTP status that is not the other side's own, without effect.
    StatusBefore(u16),
    /// The same after the effect.
    StatusAfter(u16),
    /// An answer that nobody can read, after the effect.
    Garbage(Garbage),
    /// Delivered twice.
    Twice,
    /// Another writer was faster (API server).
    Conflict,
    /// The watch lags from here on, for a while (API server).
    Stale,
    /// Watches forget where they were (API server).
    Expired,
    /// Cut, and the effect comes after the deadline (vendor).
    Late,
    /// Lists lag from here on, for a while (vendor).
    Lag,
    /// The machine's clock is set back by an hour before the request.
    ClockBack,
}

use Fault::{
    ClockBack, Conflict, CutAfter, CutBefore, DieAfter, DieAnswered, DieBefore, Error, Expired, Lag, Late,
    Refused, Stale, StatusAfter, StatusBefore, TimeoutAfter, TimeoutBefore, Twice,
};

const BOTH: [Fault; 10] = [
    ClockBack,
    DieBefore,
    DieAfter,
    DieAnswered,
    Refused,
    CutBefore,
    CutAfter,
    TimeoutBefore,
    TimeoutAfter,
    Twice,
];

const API: [Fault; 12] = [
    Error("401"),
    Error("403"),
    Error("409"),
    Error("429"),
    Error("500"),
    StatusBefore(503),
    StatusAfter(500),
    StatusAfter(504),
    Fault::Garbage(Garbage::NotJson),
    Conflict,
    Stale,
    Expired,
];

const VENDOR: [Fault; 9] = [
    StatusBefore(503),
    StatusAfter(502),
    Fault::Garbage(Garbage::NotJson),
    Fault::Garbage(Garbage::TruncatedJson),
    Fault::Garbage(Garbage::NotUtf8),
    Fault::Garbage(Garbage::CutBody),
    Fault::Garbage(Garbage::Empty),
    Late,
    Lag,
];

/// One refusal of each class: throttled, unavailable, credentials, permission, clock, manifest, quota, place,
/// account. Codes that speak of a product that is or is not there are left to the simulator, which tells the truth.
const TENCENT: &[&str] = &[
    "RequestLimitExceeded",
    "InternalError",
    "AuthFailure.SecretIdNotFound",
    "UnauthorizedOperation",
    "AuthFailure.SignatureExpire",
    "InvalidParameterValue",
    "LimitExceeded",
    "InvalidAction",
    "FailedOperation.AccountIsolated",
];
const LEGACY: &[&str] = &["4400", "6000", "4101", "4102", "4500", "4000"];
const ALIBABA: &[&str] = &[
    "Throttling.User",
    "iot.system.SystemException",
    "InvalidAccessKeyId.NotFound",
    "Forbidden.RAM",
    "IllegalTimestamp",
    "iot.common.InvalidFormattedParameter",
    "InvalidAction.NotFound",
    "iot.system.BillIsOverDue",
];
const HUAWEI: &[&str] =
    &["APIG.0308", "ROMA.00110000", "APIG.0301", "ROMA.00110005", "RML.0001", "ROMA.00110004", "APIG.0101"];

/// The faults of a request to the API server.
pub(crate) fn of_api() -> Vec<Fault> {
    BOTH.into_iter().chain(API).collect()
}

/// The faults of a request to a vendor.
pub(crate) fn of_vendor(vendor: &str) -> Vec<Fault> {
    let codes = match vendor {
        "tencent" => TENCENT,
        "legacy" => LEGACY,
        "alibaba" => ALIBABA,
        _ => HUAWEI,
    };
    BOTH.into_iter().chain(VENDOR).chain(codes.iter().map(|code| Error(code))).collect()
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DieBefore => f.write_str("die-before"),
            DieAfter => f.write_str("die-after"),
            DieAnswered => f.write_str("die-answered"),
            Refused => f.write_str("refused"),
            CutBefore => f.write_str("cut-before"),
            CutAfter => f.write_str("cut-after"),
            TimeoutBefore => f.write_str("timeout-before"),
            TimeoutAfter => f.write_str("timeout-after"),
            Error(code) => write!(f, "error={code}"),
            StatusBefore(status) => write!(f, "before={status}"),
            StatusAfter(status) => write!(f, "after={status}"),
            Fault::Garbage(form) => write!(f, "garbage={form:?}"),
            Twice => f.write_str("twice"),
            Conflict => f.write_str("conflict"),
            Stale => f.write_str("stale"),
            Expired => f.write_str("expired"),
            Late => f.write_str("late"),
            Lag => f.write_str("lag"),
            ClockBack => f.write_str("clock-back"),
        }
    }
}

impl Fault {
    /// The fault of that name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let vendors = ["tencent", "legacy", "alibaba", "huawei"].into_iter().flat_map(of_vendor);
        of_api().into_iter().chain(vendors).find(|fault| fault.to_string() == text)
    }

    /// The class under which the matrix shows it.
    pub(crate) fn class(self) -> &'static str {
        match self {
            DieBefore => "dies before the call",
            DieAfter => "dies after the effect",
            DieAnswered => "dies after the answer",
            Refused => "no connection",
            CutBefore | CutAfter => "cut",
            TimeoutBefore | TimeoutAfter => "time-out",
            Error(_) | StatusBefore(_) => "error code",
            StatusAfter(_) => "5xx after the effect",
            Fault::Garbage(_) => "garbage",
            Twice | Late => "delivered twice or late",
            Conflict => "conflict",
            Stale | Expired => "stale store",
            Lag => "list lag",
            ClockBack => "clock set back",
        }
    }

    /// Its effect may come after everything seems to be over.
    pub(crate) fn lingers(self) -> bool {
        matches!(self, Twice | Late | Lag | Stale)
    }

    /// As the simulator carries it out.
    pub(crate) fn rule(self) -> Option<Rule> {
        let fault = match self {
            CutBefore => VendorFault::drop_before(),
            CutAfter => VendorFault::drop_after(),
            TimeoutBefore => VendorFault::hang(),
            TimeoutAfter => VendorFault::hold(),
            Error(code) => VendorFault::error(code),
            StatusBefore(status) => VendorFault::status_before(status),
            StatusAfter(status) => VendorFault::status_after(status),
            Fault::Garbage(form) => VendorFault::Garbage { form, when: When::After },
            Late => VendorFault::late(40_000),
            _ => return None,
        };
        Some(Rule { fault, ..Rule::default() })
    }
}
