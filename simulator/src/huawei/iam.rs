//! IAM's tokens ("Obtaining a User Token Through Password Authentication").

use std::sync::Arc;

use http::StatusCode;
use http::header::HeaderName;
use serde_json::{Value, json};

use super::account::{Account, Issued};
use super::refusal::Refusal;
use super::{Done, Huawei};
use crate::random::Random;
use crate::server::{Incoming, Moment};
use crate::settings::Settings;

/// Seconds that a token lives.
const LIFE: i64 = 24 * 60 * 60;

const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

fn document(incoming: &Incoming) -> Option<Value> {
    serde_json::from_slice(&incoming.body).ok()
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

/// The account of the user that a request claims to be.
pub(crate) fn claimed(huawei: &Huawei, incoming: &Incoming) -> Option<Arc<Account>> {
    let body = document(incoming)?;
    let user = body.pointer("/auth/identity/password/user")?;
    huawei.directory().user(text(user, "/domain/name")?, text(user, "/name")?).map(|(account, _)| account)
}

pub(crate) fn login(
    huawei: &Huawei,
    incoming: &Incoming,
    settings: &Settings,
    moment: &Moment,
    random: &Random,
) -> Result<Done, Refusal> {
    let bad = |message: &str| Refusal::iam(StatusCode::BAD_REQUEST, message);
    let body = document(incoming).ok_or_else(|| bad("Request body is not a JSON object."))?;
    let identity = body.pointer("/auth/identity").ok_or_else(|| bad("auth.identity is missing."))?;
    let (account, user, domain) = match text(identity, "/methods/0") {
        Some("password") => by_password(huawei, identity)?,
        Some("hw_ak_sk") if settings.huawei.key_logins => by_key(huawei, identity)?,
        _ => return Err(bad("auth.identity.methods is not supported.")),
    };
    let project_id = account.state().config.project_id.clone();
    let scope = body.pointer("/auth/scope/project").ok_or_else(|| bad("auth.scope.project is missing."))?;
    // The region's project has the region's name; which regions there are is not kept here.
    if text(scope, "/id").is_some_and(|id| id != project_id) {
        return Err(Refusal::iam(StatusCode::NOT_FOUND, "Could not find project."));
    }
    if text(scope, "/id").or(text(scope, "/name")).is_none() {
        return Err(bad("auth.scope.project needs id or name."));
    }
    let token: String = (0..8).map(|_| random.uuid().replace('-', "")).collect();
    let expires = moment.unix_seconds + LIFE;
    let issued = Issued { expires, stale: false };
    huawei.directory_mut().tokens.insert(token.clone(), (issued, account));
    let domain = json!({"id": "d78cbac186b744899480f25bd022f468", "name": domain});
    let mut answer = json!({"token": {
        "expires_at": time(expires), "issued_at": time(moment.unix_seconds), "methods": ["password"],
        "project": {"id": project_id, "name": "cn-north-4", "domain": domain},
        "roles": [{"id": "0", "name": "op_auth_token"}],
        "user": {"id": "7116d09f88fa41908676fdd4b039e95b", "name": user, "domain": domain,
            "password_expires_at": ""},
    }});
    let catalog = !crate::tencent::query_pairs(incoming.query())
        .iter()
        .any(|(name, value)| name == "nocatalog" && !value.is_empty());
    if catalog {
        answer["token"]["catalog"] = json!([]);
    }
    let mut done = Done::with(StatusCode::CREATED, answer);
    done.headers.push((SUBJECT_TOKEN, token));
    Ok(done)
}

type Subject = (Arc<Account>, String, String);

fn by_password(huawei: &Huawei, identity: &Value) -> Result<Subject, Refusal> {
    let user = identity.pointer("/password/user");
    let member = |pointer| user.and_then(|user| text(user, pointer)).unwrap_or_default();
    let (domain, name) = (member("/domain/name"), member("/name"));
    match huawei.directory().user(domain, name) {
        Some((account, password)) if password == member("/password") => {
            Ok((account, name.to_owned(), domain.to_owned()))
        }
        _ => Err(Refusal::iam(StatusCode::UNAUTHORIZED, "The username or password is wrong.")),
    }
}

fn by_key(huawei: &Huawei, identity: &Value) -> Result<Subject, Refusal> {
    let member = |pointer| text(identity, pointer).unwrap_or_default();
    match huawei.directory().key(member("/hw_ak_sk/access/key")) {
        Some((key, account)) if key.secret_key == member("/hw_ak_sk/secret/key") => {
            Ok((account, key.access_key.clone(), String::new()))
        }
        _ => Err(Refusal::iam(StatusCode::UNAUTHORIZED, "The access key is wrong.")),
    }
}

/// Microseconds, as in the vendor's samples.
fn time(unix_seconds: i64) -> String {
    jiff::Timestamp::from_second(unix_seconds)
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string())
        .unwrap_or_default()
}
