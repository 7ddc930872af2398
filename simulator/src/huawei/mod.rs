//! Huawei Cloud ROMA Connect LINK, API v2, and the tokens of its IAM.

mod account;
mod actions;
pub(crate) mod admin;
pub(crate) mod admin_http;
mod auth;
mod check;
mod iam;
mod list;
mod product;
mod refusal;
mod route;
mod store;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use account::{AccountConfig, App, Instance, Key, User};
pub use product::Product;

use account::{Account, Directory};
use actions::Context;
use auth::Failures;
use refusal::Refusal;
use route::{Call, Route};

use crate::calls::{Decision, OK};
use crate::door::{Answered, Subject};
use crate::random::Random;
use crate::reply::Reply;
use crate::server::{Incoming, Moment};
use crate::settings::Settings;

/// Name in request ids.
const HOST: &str = "ROMA-LINK-SIMULATOR";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the documents leave open, and the simulator's choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HuaweiQuirks {
    /// A name can be taken once in an instance, by products that the caller does not see too.
    pub unique_names: bool,
    /// Code of a taken name.
    pub duplicate_code: String,
    /// A manufacturer and model can be taken once in an instance.
    pub unique_models: bool,
    /// Ids are beyond 2^53, so that no float holds them.
    pub large_ids: bool,
    /// Products on a page when the call does not say how many.
    pub default_page: usize,
    /// The name filter of a list finds only the whole name, not a part of it.
    pub exact_name_filter: bool,
    /// A product with devices cannot be deleted.
    pub devices_block_delete: bool,
    /// An update leaves description and version alone when it does not have them; else they are cleared.
    pub update_keeps_omitted: bool,
    /// Passwords are answered as they are.
    pub clear_passwords: bool,
    /// IAM takes an access key in the place of a password.
    pub key_logins: bool,
}

impl Default for HuaweiQuirks {
    fn default() -> Self {
        Self {
            unique_names: true,
            duplicate_code: "ROMA.00110001".to_owned(),
            unique_models: false,
            large_ids: true,
            default_page: 10,
            exact_name_filter: false,
            devices_block_delete: false,
            update_keeps_omitted: false,
            clear_passwords: false,
            key_logins: false,
        }
    }
}

/// A successful call.
pub(crate) struct Done {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    /// Absent for an answer without a body.
    body: Option<Value>,
    about: About,
}

impl Done {
    fn with(status: StatusCode, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Some(body), about: About::default() }
    }

    fn about(mut self, product: &Product) -> Self {
        self.about = About { id: Some(product.id.to_string()), name: Some(product.name.clone()) };
        self
    }
}

/// The product that a call is about, for the call log.
#[derive(Default, Clone)]
struct About {
    id: Option<String>,
    name: Option<String>,
}

/// The vendor: all of its accounts.
#[derive(Default)]
pub(crate) struct Huawei {
    directory: RwLock<Directory>,
    failures: Mutex<Failures>,
}

impl Huawei {
    pub(crate) fn new(accounts: Vec<AccountConfig>) -> Self {
        let huawei = Self::default();
        for account in accounts {
            huawei.directory_mut().put(account);
        }
        huawei
    }

    /// Whether a path is one of this vendor's.
    pub(crate) fn serves(path: &str) -> bool {
        path.starts_with("/v3/auth/") || (path.starts_with("/v2/") && path.contains("/link/instances/"))
    }

    pub(crate) fn directory(&self) -> RwLockReadGuard<'_, Directory> {
        self.directory.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn directory_mut(&self) -> RwLockWriteGuard<'_, Directory> {
        self.directory.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subject(&self, incoming: &Incoming) -> Subject {
        let account = match Route::of(incoming) {
            Some(Route { call: Call::Login, .. }) => iam::claimed(self, incoming),
            _ => auth::claimed(self, incoming),
        };
        Subject {
            account: account.map(|account| account.name.clone()).unwrap_or_default(),
            action: Route::of(incoming).map(|route| route.call.action()).unwrap_or_default().to_owned(),
        }
    }

    /// An error that no rule of the vendor led to.
    pub(crate) fn refuse(code: &str, message: &str, random: &Random) -> Answered {
        failed(&Refusal::told(code, message), About::default(), 0, random)
    }

    /// Carries a call out.
    pub(crate) fn handle(
        &self,
        incoming: &Incoming,
        settings: &Settings,
        moment: &Moment,
        random: &Random,
    ) -> Answered {
        let mut about = About::default();
        match self.try_handle(incoming, settings, moment, random, &mut about) {
            Ok(done) => {
                let mut headers = done.headers;
                headers.push((REQUEST_ID, random.uuid()));
                let decision = Decision {
                    status: Some(done.status.as_u16()),
                    code: OK.to_owned(),
                    applied: true,
                    product_id: done.about.id.or(about.id),
                    product_name: done.about.name.or(about.name),
                };
                let body = done.body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
                Answered { reply: reply(done.status, &headers, body), decision }
            }
            Err(refusal) => failed(&refusal, about, moment.unix_seconds, random),
        }
    }

    fn try_handle(
        &self,
        incoming: &Incoming,
        settings: &Settings,
        moment: &Moment,
        random: &Random,
        about: &mut About,
    ) -> Result<Done, Refusal> {
        let route = Route::of(incoming).ok_or_else(|| {
            Refusal::gateway(
                "APIG.0101",
                "The API does not exist or has not been published in the environment",
            )
        })?;
        if incoming.oversized {
            return Err(Refusal::gateway("APIG.0201", "Request entity too large"));
        }
        if route.call == Call::Login {
            return iam::login(self, incoming, settings, moment, random);
        }
        let account = auth::authenticate(self, incoming, moment)?;
        admit(&account, route.call.action(), settings, moment)?;
        let id = route.product_id.map(check::path_id).transpose()?;
        about.id = id.map(|id| id.to_string());
        let body = route.call.has_body().then(|| check::document(incoming)).transpose()?;
        about.name = body.as_ref().and_then(|body| body.get("name")?.as_str()).map(str::to_owned);
        let mut state = account.state();
        if state.config.project_id != route.project_id {
            return Err(Refusal::gateway("APIG.0302", "The IAM user is not authorized to access the API"));
        }
        let known = state.config.instances.iter().any(|known| known.instance_id == route.instance_id);
        if !known {
            return Err(Refusal::no_instance(route.project_id, route.instance_id));
        }
        let context = Context { instance: route.instance_id, settings, moment, random };
        let body = body.unwrap_or(json!({}));
        match (route.call, id) {
            (Call::Create, _) => actions::create(&context, &mut state, &body),
            (Call::List, _) => list::list(&context, &state, incoming.query()),
            (_, None) | (Call::Login, _) => Err(Refusal::gateway("APIG.0101", "The API does not exist")),
            (Call::Show, Some(id)) => actions::show(&context, &state, id),
            (Call::Update, Some(id)) => actions::update(&context, &mut state, id, &body),
            (Call::Delete, Some(id)) => actions::delete(&context, &mut state, id),
            (Call::Devices, Some(id)) => actions::devices(&context, &state, id),
            (Call::ShowAuthentication, Some(id)) => actions::show_authentication(&context, &state, id),
            (Call::ResetAuthentication, Some(id)) => {
                actions::reset_authentication(&context, &mut state, id, &body)
            }
        }
    }
}

fn failed(refusal: &Refusal, about: About, unix_seconds: i64, random: &Random) -> Answered {
    let id = random.uuid();
    let body = refusal.body(&format!("{id}-{}-{HOST}", unix_seconds.saturating_mul(1000)));
    let decision = Decision {
        status: Some(refusal.status.as_u16()),
        code: refusal.code.clone(),
        applied: false,
        product_id: about.id,
        product_name: about.name,
    };
    Answered { reply: reply(refusal.status, &[(REQUEST_ID, id)], body), decision }
}

fn reply(status: StatusCode, headers: &[(HeaderName, String)], body: Vec<u8>) -> Reply {
    let reply = Reply::json(status, body);
    headers.iter().fold(reply, |reply, (name, value)| reply.header(name.clone(), value))
}

fn admit(account: &Arc<Account>, action: &str, settings: &Settings, moment: &Moment) -> Result<(), Refusal> {
    let limit = settings.quota.limit(action);
    let mut quota = account.quota();
    let window = quota.entry(action.to_owned()).or_default();
    window.admit(settings.quota.mode, limit, moment.instant, moment.unix_seconds).map_err(|_| {
        let message = format!("The throttling threshold has been reached: policy user over ratelimit,limit:{limit},time:1 second");
        Refusal::gateway("APIG.0308", &message)
    })
}

/// A header's value, if it is a text.
fn header_text(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok())
}
