//! Tencent Cloud IoT Hub, API 3.0, version 2021-04-08.

pub(crate) mod account;
mod actions;
pub(crate) mod admin;
mod auth;
mod auth_v1;
mod cas;
mod devices;
mod product;
mod refusal;
mod request;
mod schema;
mod store;
mod table;
mod wire;

use std::sync::Arc;

pub use account::{AccountConfig, Key};
pub use product::Product;
pub use wire::Quirks;

use account::{Account, Accounts};
use actions::{Context, Done};
pub(crate) use actions::{free_id, is_product_name};
use refusal::Refusal;
use request::Request;
pub(crate) use request::{BODY_LIMIT, pairs as query_pairs};
use schema::Params;
use table::ACTIONS;

use crate::calls::{Decision, OK};
use crate::door::Subject;
use crate::random::Random;
use crate::server::{Incoming, Moment};
use crate::settings::Settings;

const VERSION: &str = "2021-04-08";

/// Body of an answer and what the call log is told about it.
pub(crate) struct Answered {
    pub(crate) body: Vec<u8>,
    pub(crate) decision: Decision,
}

/// The vendor: all of its accounts.
#[derive(Default)]
pub(crate) struct Tencent {
    pub(crate) accounts: Accounts,
}

impl Tencent {
    pub(crate) fn new(accounts: Vec<AccountConfig>) -> Self {
        Self { accounts: Accounts::new(accounts) }
    }

    pub(crate) fn subject(&self, incoming: &Incoming) -> Subject {
        let request = Request::new(incoming);
        let account = request.secret_id().and_then(|id| self.accounts.read().key(id)).map(|(_, owner)| owner);
        Subject {
            account: account.map(|account| account.name.clone()).unwrap_or_default(),
            action: request.action().unwrap_or_default().to_owned(),
        }
    }

    /// An error that no rule of the vendor led to.
    pub(crate) fn refuse(code: &str, message: &str, settings: &Settings, random: &Random) -> Answered {
        failed(&Refusal::new(code, message), settings, random)
    }

    /// Carries a call out.
    pub(crate) fn handle(
        &self,
        incoming: &Incoming,
        settings: &Settings,
        moment: &Moment,
        random: &Random,
    ) -> Answered {
        let mut about = (None, None);
        match self.try_handle(incoming, settings, moment, random, &mut about) {
            Ok(done) => Answered {
                body: wire::success(done.members, &random.uuid()),
                decision: Decision {
                    status: Some(200),
                    code: OK.to_owned(),
                    applied: true,
                    product_id: done.product_id.or(about.0),
                    product_name: done.product_name.or(about.1),
                },
            },
            Err(refusal) => {
                let mut answered = failed(&refusal, settings, random);
                (answered.decision.product_id, answered.decision.product_name) = about;
                answered
            }
        }
    }

    fn try_handle(
        &self,
        incoming: &Incoming,
        settings: &Settings,
        moment: &Moment,
        random: &Random,
        about: &mut (Option<String>, Option<String>),
    ) -> Result<Done, Refusal> {
        let request = Request::new(incoming);
        request.check_form()?;
        let name = request.action().ok_or_else(|| Refusal::missing("Action"))?;
        let version = request.version().ok_or_else(|| Refusal::missing("Version"))?;
        let find = |id: &str| self.accounts.read().key(id);
        let account = request.authenticate(moment.unix_seconds, find)?;
        if version != VERSION {
            return Err(Refusal::new("NoSuchVersion", format!("The version `{version}` does not exist.")));
        }
        let known = ACTIONS.iter().find(|action| action.name == name);
        let action = known.filter(|action| !(action.domestic && settings.tencent.international));
        let action = action.ok_or_else(|| {
            Refusal::new("InvalidAction", format!("The action `{name}` is not recognized."))
        })?;
        let region = request.region().ok_or_else(|| Refusal::missing("Region"))?;
        check_region(&account, region)?;
        admit(&account, name, settings, moment)?;
        let params = schema::check(action.fields, &request.document(action.fields)?)?;
        *about = subjects(&params);
        if action.writes && account.state().config.suspended {
            let message = "The account is isolated because it is overdue.";
            return Err(Refusal::new("FailedOperation.AccountIsolated", message));
        }
        (action.run)(&Context { account: &account, region, settings, moment, random }, &params)
    }
}

fn failed(refusal: &Refusal, settings: &Settings, random: &Random) -> Answered {
    Answered {
        body: wire::failure(refusal, &random.uuid(), &settings.tencent),
        decision: Decision { status: Some(200), code: refusal.code.clone(), ..Decision::default() },
    }
}

/// The product that a request names.
fn subjects(params: &Params) -> (Option<String>, Option<String>) {
    let text = |name| params.text(name).map(str::to_owned);
    let single = match params.texts("ProductId")[..] {
        [id] => Some(id.to_owned()),
        _ => None,
    };
    (text("ProductId").or(single), text("ProductName"))
}

fn check_region(account: &Account, region: &str) -> Result<(), Refusal> {
    if account.state().config.regions.iter().any(|accepted| accepted == region) {
        return Ok(());
    }
    Err(Refusal::new("UnsupportedRegion", format!("The region `{region}` is not supported.")))
}

fn admit(account: &Arc<Account>, action: &str, settings: &Settings, moment: &Moment) -> Result<(), Refusal> {
    let limit = settings.quota.limit(action);
    let mut quota = account.quota();
    let window = quota.entry(action.to_owned()).or_default();
    window.admit(settings.quota.mode, limit, moment.instant, moment.unix_seconds).map_err(|seen| {
        throttled(&format!(
            "Your current request times equals to `{seen}` in a second, which exceeds the frequency limit `{limit}` for a second. Please reduce the frequency of calls."
        ))
    })
}

fn throttled(message: &str) -> Refusal {
    Refusal::new("RequestLimitExceeded", message)
}
