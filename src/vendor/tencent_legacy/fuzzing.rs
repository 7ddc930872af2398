//! What bytes from outside reach, for `crate::fuzzing`.

use http::StatusCode;

use super::{error, fields, wire};
use crate::vendor::CreateRequest;
use crate::vendor::bounds::{assert_printable, assert_within};

pub(crate) fn answer(body: &[u8]) {
    match wire::envelope(body) {
        Ok(Ok(members)) => {
            if let Some((_, products)) = wire::page(&members) {
                assert!(products.len() as u64 <= wire::PAGE, "no more products than were asked for");
                let products = products.into_iter().filter_map(fields::observed);
                products.for_each(|product| assert_within(&product));
            }
            drop((wire::total(&members), wire::id(&members)));
            drop(fields::observed(wire::product(&members)).inspect(assert_within));
        }
        Ok(Err(refusal)) => assert_printable(None, &refusal.message, None),
        Err(_) => {}
    }
}

pub(crate) fn refusal(status: StatusCode, action: &str, code: &str) {
    let _ = error::of_status(status);
    if let Ok(code) = code.parse() {
        let _ = (error::of_code(action, code, None), error::of_code(action, code, Some(1)));
    }
}

pub(crate) fn request(request: &CreateRequest) {
    if let Ok(properties) = fields::properties(request) {
        drop(wire::create(&request.name, &properties));
    }
    drop(fields::created(request));
}
