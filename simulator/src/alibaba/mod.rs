//! Alibaba Cloud IoT Platform, version 2018-01-20.

mod account;
mod actions;
pub(crate) mod admin;
pub(crate) mod admin_http;
mod auth;
mod create;
mod params;
mod product;
mod refusal;
mod request;
mod store;
mod tags;
mod wire;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use http::StatusCode;

pub use account::{AccountConfig, Instance, Key};
pub use product::Product;
pub use wire::{Quirks, Throttling};

use account::{Account, Directory};
use actions::{Context, Done};
use params::Params;
use refusal::Refusal;
use request::Request;

use crate::calls::{Decision, OK};
use crate::door::{Answered, Subject};
use crate::random::Random;
use crate::reply::Reply;
use crate::server::{Incoming, Moment};
use crate::settings::Settings;
use crate::tencent::query_pairs;

const API_VERSION: &str = "2018-01-20";

type Run = fn(&Context<'_>, &Params) -> Result<Done, Refusal>;

/// An action: its name, calls per second, parameters that the gateway insists on, and what it does.
struct Action(&'static str, usize, &'static [&'static str], Run);

const ACTIONS: &[Action] = &[
    Action("CreateProduct", 50, &["ProductName", "NodeType"], actions::create),
    Action("QueryProduct", 50, &["ProductKey"], actions::query),
    Action("QueryProductList", 50, &["CurrentPage", "PageSize"], actions::list),
    Action("UpdateProduct", 10, &["ProductKey", "ProductName"], actions::update),
    Action("DeleteProduct", 500, &["ProductKey"], actions::delete),
    Action("ReleaseProduct", 50, &["ProductKey"], actions::release),
    Action("CancelReleaseProduct", 50, &["ProductKey"], actions::cancel_release),
    Action("CreateProductTags", 500, &["ProductKey", "ProductTag"], tags::create),
    Action("UpdateProductTags", 500, &["ProductKey", "ProductTag"], tags::update),
    Action("DeleteProductTags", 500, &["ProductKey", "ProductTagKey"], tags::delete),
    Action("ListProductTags", 500, &["ProductKey"], tags::list),
    Action("ListProductByTags", 500, &["ProductTag"], tags::find),
];

/// From this product on a list's pages have a quota of their own.
const DEEP: u64 = 100_000;
const DEEP_QUOTA: usize = 2;

/// The vendor: all of its accounts.
#[derive(Default)]
pub(crate) struct Alibaba {
    directory: RwLock<Directory>,
}

/// Why a call failed, and a status other than the code's own.
struct Failed(Refusal, Option<StatusCode>);

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self(refusal, None)
    }
}

impl Alibaba {
    pub(crate) fn new(accounts: Vec<AccountConfig>) -> Self {
        let alibaba = Self::default();
        for account in accounts {
            alibaba.directory_mut().put(account);
        }
        alibaba
    }

    /// Whether a request is for this vendor.
    pub(crate) fn is_meant(incoming: &Incoming) -> bool {
        Request::is_for_alibaba(incoming)
    }

    pub(crate) fn directory(&self) -> RwLockReadGuard<'_, Directory> {
        self.directory.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn directory_mut(&self) -> RwLockWriteGuard<'_, Directory> {
        self.directory.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subject(&self, incoming: &Incoming) -> Subject {
        let request = Request::new(incoming);
        let owner = request.key_id().and_then(|id| self.directory().key(id)).map(|(_, owner)| owner);
        Subject {
            account: owner.map(|account| account.name.clone()).unwrap_or_default(),
            action: request.action().unwrap_or_default().to_owned(),
        }
    }

    /// A failure that no rule of the vendor led to.
    pub(crate) fn refuse(
        incoming: &Incoming,
        code: &str,
        message: &str,
        settings: &Settings,
        random: &Random,
    ) -> Answered {
        failed(&Request::new(incoming), Refusal::new(code, message).into(), settings, random)
    }

    /// The failure of a call beyond the quota.
    pub(crate) fn throttle(incoming: &Incoming, settings: &Settings, random: &Random) -> Answered {
        let (refusal, status) = wire::throttled(&settings.alibaba);
        failed(&Request::new(incoming), Failed(refusal, status), settings, random)
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
        let params = request.params();
        let about = |name: &str| params.text(name).map(str::to_owned);
        match self.try_handle(&request, &params, settings, moment, random) {
            Ok(done) => {
                let members = wire::success(done.members, &random.uuid().to_uppercase());
                let action = request.action().unwrap_or_default();
                Answered {
                    reply: wire::reply(StatusCode::OK, members, request.wants_json(), action),
                    decision: Decision {
                        status: Some(200),
                        code: OK.to_owned(),
                        applied: true,
                        product_id: done.product_key.or_else(|| about("ProductKey")),
                        product_name: done.product_name.or_else(|| about("ProductName")),
                    },
                }
            }
            Err(failure) => {
                let mut answered = failed(&request, failure, settings, random);
                answered.decision.product_id = about("ProductKey");
                answered.decision.product_name = about("ProductName");
                answered
            }
        }
    }

    /// The order of the checks: action and version, common parameters, key, time, nonce, signature, the
    /// action's parameters, policy, quota, instance, and then the action's own.
    fn try_handle(
        &self,
        request: &Request<'_>,
        params: &Params,
        settings: &Settings,
        moment: &Moment,
        random: &Random,
    ) -> Result<Done, Failed> {
        request.check_form()?;
        let name = request.action().ok_or_else(|| Refusal::missing("Action"))?;
        let version = request.version().ok_or_else(|| Refusal::missing("Version"))?;
        if version != API_VERSION {
            return Err(Refusal::new("InvalidVersion", "Specified parameter Version is not valid.").into());
        }
        let action = ACTIONS.iter().find(|action| action.0 == name).ok_or_else(|| {
            Refusal::new(
                "InvalidAction.NotFound",
                "Specified api is not found, please check your url and method.",
            )
        })?;
        let account = request.authenticate(moment.unix_seconds, |id| self.directory().key(id))?;
        params.require(action.2)?;
        let config = account.state().config.clone();
        if config.denied.iter().any(|denied| denied == name) {
            let message = format!("User not authorized to operate iot:{name}.");
            return Err(Refusal::new("Forbidden.RAM", message).into());
        }
        admit(&account, action, params, settings, moment)?;
        if config.overdue {
            return Err(Refusal::new("Iot.system.BillIsOverDue", "A bill is overdue.").into());
        }
        let instance = instance(&config, params.text("IotInstanceId").unwrap_or_default())?;
        let now_ms = moment.unix_seconds.saturating_mul(1000);
        let context = Context { account: &account, instance, settings, moment, now_ms, random };
        Ok((action.3)(&context, params)?)
    }
}

fn instance(config: &AccountConfig, id: &str) -> Result<Instance, Refusal> {
    let found = config.instances.iter().find(|instance| instance.id == id).ok_or_else(|| {
        Refusal::new("iot.system.InstanceNotFound", format!("The instance {id:?} does not exist."))
    })?;
    if found.stopped {
        return Err(Refusal::new("iot.Sre.IotInstanceStatusForbidden", "The instance is stopped."));
    }
    Ok(found.clone())
}

fn admit(
    account: &Arc<Account>,
    action: &Action,
    params: &Params,
    settings: &Settings,
    moment: &Moment,
) -> Result<(), Failed> {
    let mut limit = settings.quota.named(action.0).unwrap_or(action.1);
    let mut bucket = action.0.to_owned();
    let number = |name: &str| params.number(name).ok().flatten().unwrap_or(0);
    if action.0 == "QueryProductList" && number("CurrentPage").saturating_mul(number("PageSize")) >= DEEP {
        limit = limit.min(DEEP_QUOTA);
        bucket.push_str(" deep");
    }
    let mut quota = account.quota();
    let window = quota.entry(bucket).or_default();
    let admitted = window.admit(settings.quota.mode, limit, moment.instant, moment.unix_seconds);
    admitted.map_err(|_| {
        let (refusal, status) = wire::throttled(&settings.alibaba);
        Failed(refusal, status)
    })
}

fn failed(request: &Request<'_>, failure: Failed, settings: &Settings, random: &Random) -> Answered {
    let Failed(refusal, status) = failure;
    let request_id = random.uuid().to_uppercase();
    let (own, members) = wire::failure(&refusal, request.host(), &request_id, &settings.alibaba);
    let status = status.unwrap_or(own);
    let action = request.action().unwrap_or_default();
    let reply: Reply = wire::reply(status, members, request.wants_json(), action);
    let decision = Decision { status: Some(status.as_u16()), code: refusal.code, ..Decision::default() };
    Answered { reply, decision }
}
