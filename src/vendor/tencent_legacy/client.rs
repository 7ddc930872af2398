//! The vendor's side of every operation.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;

use super::call::Ask;
use super::error::Meaning;
use super::{Settings, TRAITS, fields, wire};
use crate::api::Vendor;
use crate::http::Url;
use crate::http::limit::Permit;
use crate::http::memory::Reading;
use crate::vendor::line::{Line, host_header};
use crate::vendor::pages::{Next, Pages, until_settled};
use crate::vendor::{
    Call, Changes, Class, Cloud, CreateRequest, Effect, Field, Fields, Observed, Target, Traits, VendorError,
};

/// One account at Tencent Cloud IoT Hub, through its API 2.0.
pub struct TencentLegacy {
    pub(super) url: Url,
    pub(super) host: String,
    pub(super) region: String,
    pub(super) secret_id: String,
    pub(super) secret_key: SecretString,
    pub(super) token: Option<SecretString>,
    pub(super) line: Line,
}

impl fmt::Debug for TencentLegacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, region, .. } = self;
        f.debug_struct("TencentLegacy").field("host", host).field("region", region).finish_non_exhaustive()
    }
}

impl TencentLegacy {
    /// A client; nothing is sent yet.
    pub fn new(settings: Settings) -> Self {
        let Settings { endpoint, region, secret_id, secret_key, token, transport, limiter, metrics } =
            settings;
        let mut url = endpoint.unwrap_or_else(vendor_url);
        url.set_path(super::PATH);
        let host = host_header(&url);
        let line = Line::new(Vendor::TencentCloudLegacy, transport, limiter, metrics);
        Self { url, host, region, secret_id, secret_key, token, line }
    }

    /// All pages once. `None` when total and pages do not agree: the list changed meanwhile.
    async fn whole_list(&self, reading: &Reading, call: Call) -> Result<Option<Vec<Observed>>, VendorError> {
        let mut pages = Pages::new(wire::LIST, reading);
        for page in 1.. {
            let ask = Ask::new("ListProducts", "products", wire::products(page));
            let members = self.call(&ask, call).await?;
            let (total, products) =
                wire::page(&members).ok_or_else(|| ask.unreadable("the answer has no list and total"))?;
            match pages
                .take(total, products.into_iter().map(fields::observed))
                .map_err(|endless| ask.unreadable(&endless.to_string()))?
            {
                Next::Page => {}
                Next::Done => return Ok(Some(pages.into_products())),
                Next::Changed => return Ok(None),
            }
        }
        Ok(None)
    }
}

impl Cloud for TencentLegacy {
    fn traits(&self) -> &'static Traits {
        &TRAITS
    }

    fn created(&self, request: &CreateRequest) -> Fields {
        fields::created(request)
    }

    /// Nothing here switches dynamic registration on, and no answer shows a secret.
    fn has_secret(&self, _fields: &Fields) -> bool {
        false
    }

    fn endpoint(&self, id: &str) -> Option<String> {
        Some(fields::endpoint(id))
    }

    async fn reserve_create(&self, call: Call) -> Result<Permit, VendorError> {
        self.line.permit("CreateProduct", "a product", call).await
    }

    async fn create(
        &self,
        request: &CreateRequest,
        permit: Permit,
        call: Call,
    ) -> Result<String, VendorError> {
        let action = "CreateProduct";
        let properties = fields::properties(request)
            .map_err(|bad| VendorError::not_sent(action, &request.name, Class::Spec, bad.to_string()))?;
        let ask = Ask::new(action, &request.name, wire::create(&request.name, &properties));
        let members = self.attempt(&ask, permit, call.deadline).await?;
        wire::id(&members).ok_or_else(|| ask.unreadable("the answer has no productID that can be one"))
    }

    /// One complete list. That the product is not in it is a not-found, but no proof: it takes two such
    /// lists to prove that a product is absent (protocol, "Absent").
    async fn read(&self, id: &str, call: Call) -> Result<Observed, VendorError> {
        let products = self.list(call).await?;
        products.into_iter().find(|product| product.id == id).ok_or_else(|| {
            let meaning = Meaning { class: Class::NotFound, effect: Effect::Refused };
            let message = "the account's list does not show it";
            Ask::new("ListProducts", id, Vec::new()).failed(meaning, message)
        })
    }

    async fn list(&self, call: Call) -> Result<Vec<Observed>, VendorError> {
        let ask = Ask::new("ListProducts", "products", Vec::new());
        let reading = &self.line.lists().begin();
        until_settled(reading, |what| ask.unreadable(what), |reading| self.whole_list(reading, call)).await
    }

    async fn update(
        &self,
        target: Target<'_>,
        changes: &Changes,
        _call: Call,
    ) -> Result<Option<SecretString>, VendorError> {
        let fields: Vec<&str> = changes.set.keys().copied().collect();
        let message = format!(
            "{} cannot be changed: this API changes nothing of a product; use vendor TencentCloud",
            fields.join(", ")
        );
        Err(VendorError::not_sent("update", target.id, Class::Spec, message))
    }

    async fn devices(&self, id: &str, call: Call) -> Result<u64, VendorError> {
        let ask = Ask::new("ListDevices", id, wire::devices(id));
        let members = self.call(&ask, call).await?;
        wire::total(&members).ok_or_else(|| ask.unreadable("the answer has no totalCnt"))
    }

    async fn delete(
        &self,
        target: Target<'_>,
        _inputs: &BTreeMap<Field, SecretString>,
        call: Call,
    ) -> Result<(), VendorError> {
        self.call(&Ask::new("DeleteProduct", target.id, wire::delete(target.id)), call).await.map(drop)
    }
}

#[expect(clippy::expect_used, reason = "the vendor's host is a constant")]
fn vendor_url() -> Url {
    Url::parse(&format!("https://{}/", super::HOST)).expect("a host makes a URL")
}

#[cfg(test)]
mod tests;
