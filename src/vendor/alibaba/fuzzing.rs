//! What bytes from outside reach, for `crate::fuzzing`.

use http::StatusCode;

use super::{error, fields, sign, wire};
use crate::vendor::CreateRequest;

pub(crate) fn answer(body: &[u8]) {
    if let Some(members) = wire::envelope(body).ok().and_then(|envelope| envelope.content.ok()) {
        if let Some((_, products)) = wire::page(&members) {
            assert!(products.len() <= body.len(), "no more products than bytes");
            for product in products {
                drop(fields::observed(product, false));
            }
        }
        drop((wire::tags(&members), wire::created_key(&members)));
        drop(wire::data(&members).and_then(|product| fields::observed(product, true)));
    }
}

pub(crate) fn refusal(status: StatusCode, action: &str, code: &str) {
    let _ = (error::of_code(action, code), error::of_answer(action, status, Some(code), false));
}

pub(crate) fn canonical(text: &str) {
    let pairs = [(text.to_owned(), text.to_owned()), ("Action".to_owned(), text.to_owned())];
    let query = sign::canonical_query(&pairs);
    assert!(query.bytes().all(|byte| byte.is_ascii_graphic()), "nothing that a line or a URL ends at");
    assert_eq!(query.bytes().filter(|byte| *byte == b'&').count(), 1, "a value adds no parameter");
    drop(sign::rpc_string_to_sign("POST", &query));
}

pub(crate) fn request(request: &CreateRequest) {
    drop((fields::parameters(request), fields::created(request)));
}
