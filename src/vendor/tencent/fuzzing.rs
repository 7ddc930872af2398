//! What bytes from outside reach, for `crate::fuzzing`.

use http::StatusCode;

use super::{error, fields, wire};
use crate::api::account::TencentSite;
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
            drop((wire::total(&members), wire::secret(&members)));
            drop(fields::observed(wire::product(&members), true).inspect(assert_within));
        }
        Err(refusal) => {
            let request_id = envelope.request_id.as_deref();
            assert_printable(refusal.code.as_deref(), &refusal.message, request_id);
        }
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
