//! What bytes from outside reach, for `crate::fuzzing`.

use http::StatusCode;

use super::{error, fields, wire};
use crate::api::account::TencentSite;
use crate::vendor::CreateRequest;

pub(crate) fn answer(body: &[u8]) {
    if let Some(members) = wire::envelope(body).ok().and_then(|envelope| envelope.content.ok()) {
        if let Some((_, products)) = wire::page(&members) {
            assert!(products.len() <= body.len(), "no more products than bytes");
            for product in products {
                drop(fields::observed(product, false));
            }
        }
        drop((wire::total(&members), wire::secret(&members)));
        drop(fields::observed(wire::product(&members), true));
    }
}

pub(crate) fn refusal(status: StatusCode, action: &str, code: &str) {
    let _ = (error::of_code(action, Some(code)), error::of_status(status, action, Some(code)));
}

pub(crate) fn request(request: &CreateRequest) {
    if let Ok(properties) = fields::properties(request, TencentSite::Domestic) {
        drop(wire::create(&request.name, &properties, None));
    }
    drop(fields::created(request));
}
