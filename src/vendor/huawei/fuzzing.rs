//! What bytes from outside reach, for `crate::fuzzing`.

use http::StatusCode;

use super::{error, fields, sign, wire};
use crate::vendor::CreateRequest;

pub(crate) fn answer(body: &[u8]) {
    if let Some(refusal) = wire::refusal(body) {
        drop(format!("{}", wire::bad_fields(&refusal.message).len()));
    }
    if let Some(members) = wire::members(body) {
        if let Some((_, products)) = wire::page(&members) {
            assert!(products.len() <= body.len(), "no more products than bytes");
            for product in products {
                drop(fields::observed(product, false));
            }
        }
        let _ = wire::devices(&members);
        drop(fields::observed(wire::product(&members), true));
    }
}

pub(crate) fn refusal(status: StatusCode, action: &str, code: &str) {
    let _ = (error::meaning(action, status, Some(code), code), error::spelling(code));
    let _ = (error::is_stale_token(Some(code)), error::is_lock(Some(code), code), wire::bad_fields(code));
}

pub(crate) fn canonical(text: &str) {
    let query = sign::canonical_query(&[(text, text), ("limit", text)]);
    assert!(query.bytes().all(|byte| byte.is_ascii_graphic()), "nothing that a line or a URL ends at");
    assert_eq!(query.bytes().filter(|byte| *byte == b'&').count(), 1, "a value adds no parameter");
    let uri = sign::canonical_uri(text);
    assert!(uri.bytes().all(|byte| byte.is_ascii_graphic()) && uri.ends_with('/'), "{uri}");
}

pub(crate) fn request(request: &CreateRequest) {
    drop((fields::create(request), fields::created(request)));
}
