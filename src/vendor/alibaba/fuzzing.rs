//! What bytes from outside reach, for `crate::fuzzing`.

use http::StatusCode;

use super::{error, fields, sign, wire};
use crate::vendor::CreateRequest;
use crate::vendor::bounds::{assert_printable, assert_within};

pub(crate) fn answer(body: &[u8]) {
    let Ok(envelope) = wire::envelope(body) else { return };
    match envelope.content {
        Ok(members) => {
            if let Some((_, products)) = wire::page(&members) {
                assert!(products.len() as u64 <= wire::PAGE, "no more products than were asked for");
                let products = products.into_iter().filter_map(|product| fields::observed(product, false));
                products.for_each(|product| assert_within(&product));
            }
            assert!(wire::tags(&members).is_none_or(|tags| tags.len() as u64 <= wire::PAGE));
            drop(wire::created_key(&members));
            let product = wire::data(&members).and_then(|product| fields::observed(product, true));
            drop(product.inspect(assert_within));
        }
        Err(refusal) => {
            let request_id = envelope.request_id.as_deref();
            assert_printable(refusal.code.as_deref(), &refusal.message, request_id);
        }
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
