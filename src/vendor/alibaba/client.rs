//! The vendor's side of every operation.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;

use super::call::Ask;
use super::fields::{self, BadField, TAGS};
use super::wire::{self, Members, Product};
use super::{Settings, TRAITS, sign};
use crate::api::Vendor;
use crate::http::Url;
use crate::http::limit::Permit;
use crate::http::memory::Reading;
use crate::vendor::fresh::Fresh;
use crate::vendor::line::{Line, host_header};
use crate::vendor::pages::{Next, Pages, until_settled};
use crate::vendor::{
    Call, Changes, Class, Cloud, CreateRequest, Effect, Field, Fields, Observed, Target, Traits, Value,
    VendorError,
};

/// Status of a product that the console shows as released and lets nobody change or delete.
const RELEASED: &str = "RELEASE_STATUS";

/// One instance of an account at Alibaba Cloud IoT Platform.
pub struct Alibaba {
    pub(super) url: Url,
    pub(super) host: String,
    pub(super) region: String,
    pub(super) instance: Option<String>,
    pub(super) signer: sign::Signer,
    pub(super) line: Line,
    fresh: Fresh,
}

impl fmt::Debug for Alibaba {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, region, instance, .. } = self;
        f.debug_struct("Alibaba")
            .field("host", host)
            .field("region", region)
            .field("instance", instance)
            .finish_non_exhaustive()
    }
}

impl Alibaba {
    /// A client; nothing is sent yet. `None` when the region makes no host name.
    pub fn new(settings: Settings) -> Option<Self> {
        let url = match settings.endpoint {
            Some(url) => url,
            None => Url::parse(&format!("https://{}/", super::host(&settings.region))).ok()?,
        };
        let Settings { region, instance, transport, limiter, metrics, .. } = settings;
        let (style, key_id) = (settings.signature, settings.key_id);
        let signer = sign::Signer { style, key_id, secret: settings.secret, token: settings.token };
        let (host, fresh) = (host_header(&url), Fresh::default());
        let line = Line::new(Vendor::AlibabaCloud, transport, limiter, metrics);
        Some(Self { url, host, region, instance, signer, line, fresh })
    }

    /// All pages once. `None` when total and pages do not agree: the list changed meanwhile.
    async fn whole_list(&self, reading: &Reading, call: Call) -> Result<Option<Vec<Observed>>, VendorError> {
        let mut pages = Pages::new(wire::LIST, reading);
        for page in 1.. {
            let ask = Ask::new("QueryProductList", "products", wire::list(page));
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
        Ok(None)
    }

    /// One product by its key. While a fresh one may not be shown yet, not-found proves nothing.
    async fn query(&self, id: &str, call: Call) -> Result<Product, VendorError> {
        let ask = Ask::new("QueryProduct", id, wire::of_product(id));
        let members = match self.call(&ask, call).await {
            Err(error) if error.is_not_found() && self.fresh.may_lag(id) => {
                let message = "just created and not shown by the vendor yet".into();
                return Err(VendorError { class: Class::Unavailable, message, ..error });
            }
            answer => answer?,
        };
        wire::data(&members)
            .filter(|product| product.key.as_deref() == Some(id))
            .ok_or_else(|| ask.unreadable("the answer does not show this product"))
    }

    async fn tags(&self, id: &str, call: Call) -> Result<BTreeMap<String, String>, VendorError> {
        let ask = Ask::new("ListProductTags", id, wire::of_product(id));
        let members = self.call(&ask, call).await?;
        wire::tags(&members).ok_or_else(|| ask.unreadable("the answer has no tags"))
    }

    /// Creates the tags that are missing and updates those that differ: what a create of an existing key
    /// does, and an update of a missing one, is not documented.
    async fn set_tags(
        &self,
        id: &str,
        want: &BTreeMap<String, String>,
        known: Option<BTreeMap<String, String>>,
        call: Call,
    ) -> Result<(), VendorError> {
        let (have, old) = match known {
            Some(have) => (have, true),
            None => (self.tags(id, call).await?, false),
        };
        match self.write_tags(id, want, &have, call).await {
            // Refused for what the tags are: they may not be any more as they were last seen.
            Err(error) if old && error.code.is_some() && is_about_tags(error.class) => {
                let now = self.tags(id, call).await?;
                if now == have { Err(error) } else { self.write_tags(id, want, &now, call).await }
            }
            done => done,
        }
    }

    async fn write_tags(
        &self,
        id: &str,
        want: &BTreeMap<String, String>,
        have: &BTreeMap<String, String>,
        call: Call,
    ) -> Result<(), VendorError> {
        for (done, (action, tags)) in fields::tag_calls(want, have, wire::TAGS).into_iter().enumerate() {
            let ask = Ask::new(action, id, wire::with_tags(id, &tags));
            self.call(&ask, call).await.map_err(|error| after(done > 0, error))?;
        }
        Ok(())
    }
}

impl Cloud for Alibaba {
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
        fields::endpoint(id, &self.region, self.instance.as_deref())
    }

    async fn reserve_create(&self, call: Call) -> Result<Permit, VendorError> {
        self.permit(&Ask::new("CreateProduct", "a product", Vec::new()), call).await
    }

    async fn create(
        &self,
        request: &CreateRequest,
        permit: Permit,
        call: Call,
    ) -> Result<String, VendorError> {
        let action = "CreateProduct";
        let parameters = fields::parameters(request).map_err(|bad| bad_field(action, &request.name, bad))?;
        let ask = Ask::new(action, &request.name, parameters);
        let members: Members = self.attempt(&ask, permit, call.deadline).await?;
        // Only the key is believed (protocol, Create 4).
        let id = wire::created_key(&members)
            .ok_or_else(|| ask.unreadable("the answer has no ProductKey that can be one"))?;
        self.fresh.created(&id);
        Ok(id)
    }

    async fn read(&self, id: &str, call: Call) -> Result<Observed, VendorError> {
        let product = self.query(id, call).await?;
        fields::observed(product, true)
            .ok_or_else(|| Ask::new("QueryProduct", id, Vec::new()).unreadable("the answer shows no name"))
    }

    async fn complete(
        &self,
        mut product: Observed,
        managed: &Fields,
        call: Call,
    ) -> Result<Observed, VendorError> {
        if managed.contains_key(TAGS) && !product.fields.contains_key(TAGS) {
            let tags = self.tags(&product.id, call).await?;
            product.fields.insert(TAGS, Value::Map(tags));
        }
        Ok(product)
    }

    async fn list(&self, call: Call) -> Result<Vec<Observed>, VendorError> {
        let ask = Ask::new("QueryProductList", "products", Vec::new());
        let reading = &self.line.lists().begin();
        until_settled(reading, |what| ask.unreadable(what), |reading| self.whole_list(reading, call)).await
    }

    async fn update(
        &self,
        target: Target<'_>,
        changes: &Changes,
        call: Call,
    ) -> Result<Option<SecretString>, VendorError> {
        let update = fields::update(changes).map_err(|bad| bad_field("update", target.id, bad))?;
        let mut done = false;
        if let Some((name, description)) = &update.product {
            let ask = Ask::new("UpdateProduct", target.id, wire::update(target.id, name, description));
            self.call(&ask, call).await?;
            done = true;
        }
        if let Some((want, have)) = update.tags {
            self.set_tags(target.id, &want, have, call).await.map_err(|error| after(done, error))?;
        }
        Ok(None)
    }

    async fn devices(&self, id: &str, call: Call) -> Result<u64, VendorError> {
        let product = self.query(id, call).await?;
        product.devices.ok_or_else(|| {
            Ask::new("QueryProduct", id, Vec::new()).unreadable("the answer has no DeviceCount")
        })
    }

    /// Whether the vendor refuses to delete a product with devices, or takes them along, is not documented:
    /// so both are looked at once more, with the turn of the delete already in hand (protocol, Delete 3).
    async fn delete(
        &self,
        target: Target<'_>,
        _inputs: &BTreeMap<Field, SecretString>,
        call: Call,
    ) -> Result<(), VendorError> {
        let ask = Ask::new("DeleteProduct", target.id, wire::of_product(target.id));
        let permit = self.permit(&ask, call).await?;
        let product = self.query(target.id, call).await?;
        if let Some((class, why)) = held(&product) {
            return Err(VendorError::not_sent(ask.action, target.id, class, why));
        }
        self.attempt(&ask, permit, call.deadline).await?;
        self.fresh.deleted(target.id);
        Ok(())
    }
}

/// What holds a product, and what to do about it.
fn held(product: &Product) -> Option<(Class, String)> {
    match product.devices {
        Some(0) => {}
        Some(devices) => {
            return Some((Class::Blocked, format!("it has {devices} devices; delete them at the vendor")));
        }
        None => return Some((Class::Unavailable, "not sent, QueryProduct shows no DeviceCount".to_owned())),
    }
    (product.status.as_deref() == Some(RELEASED)).then(|| {
        let why = "it is released, so nobody may delete it; cancel its release in the console or with \
                   CancelReleaseProduct";
        (Class::Blocked, why.to_owned())
    })
}

/// Classes with which the vendor may answer a tag that is there already, or not any more.
fn is_about_tags(class: Class) -> bool {
    matches!(class, Class::Spec | Class::Exists | Class::Unavailable)
}

/// A failure after other calls of the same operation had their effect.
fn after(done: bool, error: VendorError) -> VendorError {
    if done { VendorError { effect: Effect::Unclear, ..error } } else { error }
}

fn bad_field(action: &'static str, object: &str, bad: BadField) -> VendorError {
    VendorError::not_sent(action, object, Class::Spec, bad.0)
}

#[cfg(test)]
mod tests;
