//! What bytes from outside reach, for `crate::fuzzing`.

use http::StatusCode;

use super::{error, fields, wire};
use crate::vendor::CreateRequest;

pub(crate) fn answer(body: &[u8]) {
    if let Ok(Ok(members)) = wire::envelope(body) {
        if let Some((_, products)) = wire::page(&members) {
            assert!(products.len() <= body.len(), "no more products than bytes");
            for product in products {
                drop(fields::observed(product));
            }
        }
        drop((wire::total(&members), wire::id(&members)));
        drop(fields::observed(wire::product(&members)));
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
