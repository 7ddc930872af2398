//! Tencent Cloud IoT Hub, API 2.0 (`/v2/index.php`).
//!
//! It has accounts of its own here, with the kind of products that the newer API has, so that the calls and
//! quotas of the two are told apart. At the vendor they are very likely two ways to the same products.

mod actions;
mod auth;
mod nonces;
mod refusal;
mod request;
mod wire;

pub use wire::Quirks;

use actions::{ACTIONS, Context, Done};
use nonces::Nonces;
use refusal::Refusal;
use request::{Own, Request};

use crate::calls::{Decision, OK};
use crate::door::Subject;
use crate::random::Random;
use crate::server::{Incoming, Moment};
use crate::settings::Settings;
use crate::tencent::account::{Account, Accounts};
use crate::tencent::{AccountConfig, Answered};

/// The only path.
pub(crate) const PATH: &str = "/v2/index.php";

/// The vendor: all of its accounts, and the nonces that were used.
#[derive(Default)]
pub(crate) struct TencentLegacy {
    pub(crate) accounts: Accounts,
    nonces: Nonces,
}

impl TencentLegacy {
    pub(crate) fn new(accounts: Vec<AccountConfig>) -> Self {
        Self { accounts: Accounts::new(accounts), nonces: Nonces::default() }
    }

    pub(crate) fn subject(&self, incoming: &Incoming) -> Subject {
        let request = Request::new(incoming);
        let owner = request.common("SecretId").and_then(|id| self.accounts.read().key(id));
        Subject {
            account: owner.map(|(_, account)| account.name.clone()).unwrap_or_default(),
            action: request.common("Action").unwrap_or_default().to_owned(),
        }
    }

    /// Carries a call out.
    pub(crate) fn handle(
        &self,
        incoming: &Incoming,
        settings: &Settings,
        moment: &Moment,
        random: &Random,
    ) -> Answered {
        let request = Request::new(incoming);
        let quirks = &settings.tencent_legacy;
        let about = |name| request.own_value(name).map(str::to_owned);
        match self.try_handle(&request, settings, moment, random) {
            Ok(done) => Answered {
                body: wire::success(done.members, quirks),
                decision: Decision {
                    status: Some(200),
                    code: OK.to_owned(),
                    applied: true,
                    product_id: done.product_id.or_else(|| about("productID")),
                    product_name: done.product_name.or_else(|| about("productName")),
                },
            },
            Err(refusal) => {
                let mut answered = failed(&refusal, quirks);
                answered.decision.product_id = about("productID");
                answered.decision.product_name = about("productName");
                answered
            }
        }
    }

    fn try_handle(
        &self,
        request: &Request<'_>,
        settings: &Settings,
        moment: &Moment,
        random: &Random,
    ) -> Result<Done, Refusal> {
        request.check_form()?;
        let name = request.required("Action")?;
        let region = request.required("Region")?;
        let strict = settings.tencent_legacy.five_minute_clock;
        let find = |id: &str| self.accounts.read().key(id);
        let signed = request.authenticate(moment.unix_seconds, strict, find)?;
        // Only what is signed uses a nonce up, so that nobody can spend another's.
        self.nonces.use_up(&signed.secret_id, signed.nonce, moment.unix_seconds)?;
        let account = signed.owner;
        let action = ACTIONS
            .iter()
            .find(|action| action.name == name)
            .ok_or_else(|| Refusal::common(6100, "NotSupported", format!("no action {name} here")))?;
        if !account.state().config.regions.iter().any(|accepted| accepted == region) {
            let message = format!("the region {region} is not supported");
            return Err(Refusal::common(4000, "InvalidParameter", message));
        }
        admit(&account, name, settings, moment)?;
        let own = Own::new(request, action.parameters, action.bad_parameters)?;
        if action.writes && account.state().config.suspended {
            return Err(Refusal::common(4300, "AccountForbidden", "the account is blocked".to_owned()));
        }
        (action.run)(&Context { account: &account, settings, moment, random }, &own)
    }
}

/// An error that no rule of the vendor led to: a code of the platform, or a number of the service.
pub(crate) fn refuse(code: &str, message: &str, settings: &Settings) -> Answered {
    failed(&Refusal::told(code, message), &settings.tencent_legacy)
}

fn failed(refusal: &Refusal, quirks: &Quirks) -> Answered {
    Answered {
        body: wire::failure(refusal, quirks),
        decision: Decision { status: Some(200), code: refusal.logged(), ..Decision::default() },
    }
}

fn admit(account: &Account, action: &str, settings: &Settings, moment: &Moment) -> Result<(), Refusal> {
    let limit = settings.quota.limit(action);
    let mut quota = account.quota();
    let window = quota.entry(action.to_owned()).or_default();
    window.admit(settings.quota.mode, limit, moment.instant, moment.unix_seconds).map_err(|seen| {
        let message = format!("{seen} requests in a second, {limit} are allowed");
        Refusal::common(4400, "RequestLimitExceeded", message)
    })
}
