//! A product between the pipeline's terms and `status.observed`.

use crate::api::{IotProductStatus, ObservedStatus};
use crate::plan::desired::{fields, to_json};
use crate::plan::diff::OWNERSHIP;
use crate::plan::mark::{Mark, strip};
use crate::plan::origin::Origin;
use crate::vendor::{Fields, Observed, Traits, Value};

/// What `status.observed` says of a product. Fields that this answer did not show keep their last value.
pub fn to_status(product: &Observed, last: Option<&ObservedStatus>, traits: &Traits) -> ObservedStatus {
    let mut all: Fields = last
        .and_then(|last| serde_json::to_value(last).ok())
        .and_then(|json| fields(&json, traits).ok())
        .unwrap_or_default();
    if product.full {
        // A full read shows everything there is; what it does not show is not there.
        all.clear();
    }
    all.extend(product.fields.clone());
    all.insert("name", Value::Text(product.name.clone()));
    all.insert("description", Value::Text(strip(&product.description)));
    serde_json::from_value(to_json(&all)).unwrap_or_default()
}

/// How the recorded product came to its object; what was recorded before origins were counts as watched until it was
/// read.
pub fn origin(status: &IotProductStatus) -> Origin {
    status.origin.unwrap_or(Origin::Watched)
}

/// The product as status last saw it. The mark is not kept there: it was accepted when it was last read.
pub fn from_status(status: &IotProductStatus, mark: &Mark, traits: &Traits) -> Option<Observed> {
    let id = status.product_id.clone()?;
    let observed = status.observed.as_ref()?;
    let mut fields = fields(&serde_json::to_value(observed).ok()?, traits).ok()?;
    fields.remove("name");
    fields.remove("description");
    let text = observed.description.clone().unwrap_or_default();
    // Where the vendor can, an adopted product was marked anew, unless status says otherwise.
    let remarked = traits.can_remark && !status.drift.iter().any(|drift| drift.field == OWNERSHIP);
    let description = match status.adopted_mark.as_deref().filter(|_| !remarked) {
        // Adopted without a mark, from a vendor that cannot add one.
        Some("") => text,
        Some(adopted) => format!("{text} {adopted}"),
        None => mark.append_to(&text),
    };
    Some(Observed {
        id,
        name: observed.name.clone()?,
        description,
        serial: status.product_serial.clone(),
        fields,
        secret: None,
        created_at: None,
        full: false,
    })
}
