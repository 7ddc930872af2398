//! What bytes from outside reach, for `crate::fuzzing`.

use http::StatusCode;

use super::{error, fields, sign, wire};
use crate::vendor::CreateRequest;
use crate::vendor::bounds::{assert_printable, assert_within};

pub(crate) fn answer(body: &[u8]) {
    if let Some(refusal) = wire::refusal(body) {
        drop(format!("{}", wire::bad_fields(&refusal.message).len()));
        assert_printable(Some(&refusal.code), &refusal.message, refusal.request_id.as_deref());
    }
    if let Ok(members) = wire::members(body) {
        if let Some((_, products)) = wire::page(&members) {
            assert!(products.len() as u64 <= wire::PAGE, "no more products than were asked for");
            let products = products.into_iter().filter_map(|product| fields::observed(product, false));
            products.for_each(|product| assert_within(&product));
        }
        let _ = wire::devices(&members);
        drop(fields::observed(wire::product(&members), true).inspect(assert_within));
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
