//! The vendor's side of every operation.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;

use super::call::Ask;
use super::fields::{self, BadField, SKEY, Step};
use super::wire::{self, Members};
use super::{Settings, TRAITS, TencentSite, sign};
use crate::api::Vendor;
use crate::http::Url;
use crate::http::limit::Permit;
use crate::http::memory::Reading;
use crate::vendor::line::{Line, host_header};
use crate::vendor::pages::{Next, Pages, until_settled};
use crate::vendor::{
    Call, Changes, Class, Cloud, CreateRequest, Effect, Field, Fields, Observed, Target, Traits, VendorError,
};

/// One account at Tencent Cloud IoT Hub.
pub struct Tencent {
    pub(super) url: Url,
    pub(super) host: String,
    site: TencentSite,
    pub(super) region: String,
    pub(super) signer: sign::Signer,
    pub(super) token: Option<SecretString>,
    pub(super) line: Line,
}

impl fmt::Debug for Tencent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, site, region, .. } = self;
        f.debug_struct("Tencent")
            .field("host", host)
            .field("site", site)
            .field("region", region)
            .finish_non_exhaustive()
    }
}

impl Tencent {
    /// A client; nothing is sent yet.
    pub fn new(settings: Settings) -> Self {
        let Settings { endpoint, site, region, secret_id, secret_key, token, transport, limiter, metrics } =
            settings;
        let url = endpoint.unwrap_or_else(|| site_url(site));
        let host = host_header(&url);
        let line = Line::new(Vendor::TencentCloud, transport, limiter, metrics);
        let signer = sign::Signer::new(secret_id, secret_key);
        Self { url, host, site, region, signer, token, line }
    }

    /// All pages once. `None` when total and pages do not agree: the list changed meanwhile.
    async fn whole_list(&self, reading: &Reading, call: Call) -> Result<Option<Vec<Observed>>, VendorError> {
        let mut pages = Pages::new(wire::LIST, reading);
        loop {
            let ask = Ask::new("DescribeProducts", "products", wire::products(pages.entries()));
            let members = self.call(&ask, call).await?;
            let (total, products) =
                wire::page(&members).ok_or_else(|| ask.unreadable("the answer has no list and total"))?;
            match pages
                .take(total, products.into_iter().map(|product| fields::observed(product, false)))
                .map_err(|endless| ask.unreadable(&endless.to_string()))?
            {
                Next::Page => {}
                Next::Done => return Ok(Some(pages.into_products())),
                Next::Changed => return Ok(None),
            }
        }
    }

    async fn step(&self, id: &str, step: &Step, call: Call) -> Result<Members, VendorError> {
        let (action, body) = match step {
            Step::Enable => ("SetProductsForbiddenStatus", wire::forbid(id, false)),
            Step::Disable => ("SetProductsForbiddenStatus", wire::forbid(id, true)),
            Step::Register { register_type, limit } => {
                ("UpdateProductDynamicRegister", wire::register(id, *register_type, *limit))
            }
            Step::BindCa(name) => ("UpdateProductPrivateCA", wire::bind_ca(id, name)),
            Step::UnbindCa => ("DeleteProductPrivateCA", wire::of_product(id)),
        };
        self.call(&Ask::new(action, id, body), call).await
    }
}

impl Cloud for Tencent {
    fn traits(&self) -> &'static Traits {
        &TRAITS
    }

    fn created(&self, request: &CreateRequest) -> Fields {
        fields::created(request)
    }

    fn has_secret(&self, fields: &Fields) -> bool {
        fields::has_secret(fields)
    }

    fn endpoint(&self, id: &str) -> Option<String> {
        fields::endpoint(id, self.site)
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
        let properties =
            fields::properties(request, self.site).map_err(|bad| bad_field(action, &request.name, bad))?;
        let skey = request.inputs.get(SKEY);
        let body = wire::create(&request.name, &properties, skey);
        let ask = Ask { hide: skey, ..Ask::new(action, &request.name, body) };
        let members = self.attempt(&ask, permit, call.deadline).await?;
        // Only the id is believed: the vendor's samples differ from their own requests (protocol, Create 4).
        wire::product(&members)
            .id
            .ok_or_else(|| ask.unreadable("the answer has no ProductId that can be one"))
    }

    async fn read(&self, id: &str, call: Call) -> Result<Observed, VendorError> {
        let ask = Ask::new("DescribeProduct", id, wire::of_product(id));
        let members = self.call(&ask, call).await?;
        fields::observed(wire::product(&members), true)
            .filter(|observed| observed.id == id)
            .ok_or_else(|| ask.unreadable("the answer does not show this product"))
    }

    async fn list(&self, call: Call) -> Result<Vec<Observed>, VendorError> {
        let ask = Ask::new("DescribeProducts", "products", String::new());
        let reading = &self.line.lists().begin();
        until_settled(reading, |what| ask.unreadable(what), |reading| self.whole_list(reading, call)).await
    }

    async fn update(
        &self,
        target: Target<'_>,
        changes: &Changes,
        call: Call,
    ) -> Result<Option<SecretString>, VendorError> {
        let steps = fields::steps(changes, self.site).map_err(|bad| bad_field("update", target.id, bad))?;
        let mut secret = None;
        for (done, step) in steps.iter().enumerate() {
            let members = self.step(target.id, step, call).await.map_err(|error| match done {
                0 => error,
                // The steps before had their effect, whatever became of this one.
                _ => VendorError { effect: Effect::Unclear, ..error },
            })?;
            secret = wire::secret(&members).or(secret);
        }
        Ok(secret)
    }

    async fn devices(&self, id: &str, call: Call) -> Result<u64, VendorError> {
        let ask = Ask::new("DescribeDevices", id, wire::devices(id));
        let members = self.call(&ask, call).await?;
        wire::total(&members).ok_or_else(|| ask.unreadable("the answer has no TotalCount"))
    }

    async fn delete(
        &self,
        target: Target<'_>,
        inputs: &BTreeMap<Field, SecretString>,
        call: Call,
    ) -> Result<(), VendorError> {
        let skey = inputs.get(SKEY);
        let ask = Ask { hide: skey, ..Ask::new("DeleteProduct", target.id, wire::delete(target.id, skey)) };
        self.call(&ask, call).await.map(drop)
    }
}

#[expect(clippy::expect_used, reason = "the site's host is a constant")]
fn site_url(site: TencentSite) -> Url {
    Url::parse(&format!("https://{}/", super::host(site))).expect("a host makes a URL")
}

fn bad_field(action: &'static str, object: &str, bad: BadField) -> VendorError {
    VendorError::not_sent(action, object, Class::Spec, bad.0)
}

#[cfg(test)]
mod tests;
