//! The vendor's side of every operation.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;

use super::attempts::Tag;
use super::call::{Access, Ask, Key, Subject};
use super::fields::{self, BadField, NoEdit};
use super::sign::Signer;
use super::token::Tokens;
use super::wire::{self, Product};
use super::{Credentials, Settings, TRAITS};
use crate::api::Vendor;
use crate::http::Url;
use crate::http::limit::Permit;
use crate::http::memory::Reading;
use crate::vendor::fresh::Fresh;
use crate::vendor::line::{Line, host_header};
use crate::vendor::pages::{Next, Pages, until_settled};
use crate::vendor::{
    Call, Changes, Class, Cloud, CreateRequest, Effect, Field, Fields, Observed, Target, Traits, VendorError,
};

/// The code of every refused value, a taken name included.
const BAD_VALUE: &str = "ROMA.00110001";

/// One ROMA Connect instance.
pub struct Huawei {
    pub(super) base: Url,
    pub(super) host: String,
    pub(super) project_id: String,
    pub(super) access: Access,
    pub(super) line: Line,
    fresh: Fresh,
}

impl fmt::Debug for Huawei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Huawei").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Huawei {
    /// A client; nothing is sent yet.
    pub fn new(settings: Settings) -> Self {
        let Settings { endpoint, region, project_id, instance_id, credentials, transport, limiter, metrics } =
            settings;
        let mut base = endpoint.unwrap_or_else(|| region_url("roma", &region));
        let host = host_header(&base);
        base.set_path(&format!("/v2/{project_id}/link/instances/{instance_id}"));
        let access = match credentials {
            Credentials::AccessKey { access_key, secret_key, security_token, attempts } => {
                let tag = Tag::of(&secret_key);
                let signer = Signer::new(access_key, secret_key);
                Access::Key(Box::new(Key { signer, security_token, attempts, tag }))
            }
            Credentials::Password { iam_endpoint, domain_name, user_name, password, attempts } => {
                let url = iam_endpoint.unwrap_or_else(|| region_url("iam", &region));
                let names = (domain_name, user_name);
                Access::Token(Box::new(Tokens::new(url, names, password, project_id.clone(), attempts)))
            }
        };
        let line = Line::new(Vendor::HuaweiCloud, transport, limiter, metrics);
        Self { base, host, project_id, access, line, fresh: Fresh::default() }
    }

    /// All pages once. `None` when total and pages do not agree: the list changed meanwhile.
    async fn whole_list(
        &self,
        name: Option<&str>,
        reading: &Reading,
        call: Call,
    ) -> Result<Option<Vec<Observed>>, VendorError> {
        let mut pages = Pages::new(wire::LIST, reading);
        let subject = Subject::new("ListProducts", "products");
        loop {
            let (limit, at) = (wire::PAGE.to_string(), pages.entries().to_string());
            let mut query = vec![("limit", limit.as_str()), ("offset", at.as_str())];
            query.extend(name.map(|name| ("name", name)));
            let ask = Ask::get(subject, "/products".to_owned()).query(&query);
            let members = self.call(&ask, call).await?;
            let (total, products) = wire::page(&members)
                .ok_or_else(|| subject.unreadable("the answer has no items and total"))?;
            match pages
                .take(total, products.into_iter().map(|product| fields::observed(product, false)))
                .map_err(|endless| subject.unreadable(&endless.to_string()))?
            {
                Next::Page => {}
                Next::Done => return Ok(Some(pages.into_products())),
                Next::Changed => return Ok(None),
            }
        }
    }

    async fn show(&self, id: &str, call: Call) -> Result<Product, VendorError> {
        let subject = Subject::new("ShowProduct", id);
        let ask = Ask::get(subject, product_path(&subject, "")?);
        let answer = self.call(&ask, call).await;
        let product = match answer {
            Err(error) if error.is_not_found() && self.fresh.may_lag(id) => {
                let message = "just created and not shown by the vendor yet".into();
                return Err(VendorError { class: Class::Unavailable, message, ..error });
            }
            answer => wire::product(&answer?),
        };
        if product.id.as_deref() == Some(id) {
            return Ok(product);
        }
        Err(subject.unreadable("the answer does not show this product"))
    }

    /// The product that a changing call is about, read right before it. Another serial means that another
    /// product has the id now: ours is gone. However this fails, nothing was changed.
    async fn show_same(&self, target: Target<'_>, call: Call) -> Result<Product, VendorError> {
        let product = self
            .show(target.id, call)
            .await
            .map_err(|error| VendorError { effect: Effect::NotSent, ..error })?;
        let Some(recorded) = target.serial else {
            return Ok(product);
        };
        let subject = Subject::new("ShowProduct", target.id);
        match product.serial.as_deref() {
            Some(serial) if serial == recorded => Ok(product),
            Some(serial) => {
                let message = format!("the id belongs to product {serial} now, not to {recorded} any more");
                Err(subject.not_sent(Class::NotFound, &message))
            }
            None => Err(subject.not_sent(Class::Unavailable, "the answer shows no product_serial")),
        }
    }

    /// What a refused value means when it may be the name. A taken name has no code of its own; the vendor
    /// complains of a name that its rules allow, or a product with it is listed.
    async fn or_taken(&self, error: VendorError, name: &str, own: Option<&str>, call: Call) -> VendorError {
        let refused = error.class == Class::Spec && error.effect == Effect::Refused;
        let named = wire::bad_fields(&error.message).contains(&"name") && fields::is_documented_name(name);
        let taken = match error.code.as_deref() {
            Some("ROMA.00110006") | None => false,
            Some(BAD_VALUE) if named => true,
            Some(_) if refused => match self.whole_list(Some(name), &self.line.lists().begin(), call).await {
                Ok(Some(found)) => {
                    found.iter().any(|other| other.name == name && Some(other.id.as_str()) != own)
                }
                Ok(None) | Err(_) => false,
            },
            Some(_) => false,
        };
        if refused && taken { VendorError { class: Class::Exists, ..error } } else { error }
    }

    async fn authenticate(
        &self,
        subject: Subject<'_>,
        user: Option<&str>,
        password: Option<&SecretString>,
        call: Call,
    ) -> Result<(), VendorError> {
        let body = wire::authentication(user, password).ok_or_else(|| {
            let message = "neither user name nor password is given, and the vendor would make a new password";
            subject.not_sent(Class::Spec, message)
        })?;
        let ask = Ask::put(subject, product_path(&subject, "/authentication")?, body);
        self.call(&ask, call).await.map(drop)
    }
}

impl Cloud for Huawei {
    fn traits(&self) -> &'static Traits {
        &TRAITS
    }

    fn created(&self, request: &CreateRequest) -> Fields {
        fields::created(request)
    }

    fn has_secret(&self, _fields: &Fields) -> bool {
        false
    }

    fn user(&self, fields: &Fields) -> Option<String> {
        fields::user(fields)
    }

    fn endpoint(&self, _id: &str) -> Option<String> {
        None
    }

    async fn reserve_create(&self, call: Call) -> Result<Permit, VendorError> {
        self.permit(&Subject::new("CreateProduct", "a product"), call).await
    }

    async fn create(
        &self,
        request: &CreateRequest,
        permit: Permit,
        call: Call,
    ) -> Result<String, VendorError> {
        let subject = Subject::new("CreateProduct", &request.name);
        let body = fields::create(request).map_err(|bad| bad_field(&subject, &bad))?;
        let ask = Ask::post(subject, "/products".to_owned(), body);
        match self.attempt(&ask, permit, call).await {
            // Only the id is believed (protocol, Create 4).
            Ok(members) => {
                let id = wire::product(&members).id;
                let id = id.ok_or_else(|| subject.unreadable("the answer has no id that can be one"))?;
                self.fresh.created(&id);
                Ok(id)
            }
            Err(error) => Err(self.or_taken(error, &request.name, None, call).await),
        }
    }

    async fn read(&self, id: &str, call: Call) -> Result<Observed, VendorError> {
        let product = self.show(id, call).await?;
        let subject = Subject::new("ShowProduct", id);
        fields::observed(product, true).ok_or_else(|| subject.unreadable("the answer shows no name"))
    }

    async fn list(&self, call: Call) -> Result<Vec<Observed>, VendorError> {
        let subject = Subject::new("ListProducts", "products");
        let reading = &self.line.lists().begin();
        until_settled(
            reading,
            |what| subject.unreadable(what),
            |reading| self.whole_list(None, reading, call),
        )
        .await
    }

    async fn update(
        &self,
        target: Target<'_>,
        changes: &Changes,
        call: Call,
    ) -> Result<Option<SecretString>, VendorError> {
        let subject = Subject::new("UpdateProduct", target.id);
        let shown = self.show_same(target, call).await?;
        let edit = fields::edit(changes, &shown).map_err(|no_edit| match no_edit {
            NoEdit::Bad(bad) => bad_field(&subject, &bad),
            NoEdit::NotShown(name) => {
                let message = format!("the product was read without {name}, which the call must repeat");
                subject.not_sent(Class::Unavailable, &message)
            }
        })?;
        let edited = edit.body.is_some();
        if let Some(body) = edit.body {
            let ask = Ask::put(subject, product_path(&subject, "")?, body);
            if let Err(error) = self.call(&ask, call).await {
                return Err(match &edit.renamed {
                    Some(name) => self.or_taken(error, name, Some(target.id), call).await,
                    None => error,
                });
            }
        }
        if let Some(user_name) = edit.user_name {
            let subject = Subject::new("ResetProductAuthentication", target.id);
            let set = self.authenticate(subject, Some(&user_name), None, call).await;
            // The update before had its effect, whatever became of this.
            set.map_err(
                |error| if edited { VendorError { effect: Effect::Unclear, ..error } } else { error },
            )?;
        }
        Ok(None)
    }

    async fn set_password(
        &self,
        target: Target<'_>,
        user: Option<&str>,
        password: &SecretString,
        call: Call,
    ) -> Result<(), VendorError> {
        if target.serial.is_some() {
            self.show_same(target, call).await?;
        }
        let subject =
            Subject { hide: Some(password), ..Subject::new("ResetProductAuthentication", target.id) };
        if secrecy::ExposeSecret::expose_secret(password).is_empty() {
            return Err(
                subject.not_sent(Class::Spec, "the password is empty; give one of 16 to 32 characters")
            );
        }
        self.authenticate(subject, user, Some(password), call).await
    }

    async fn devices(&self, id: &str, call: Call) -> Result<u64, VendorError> {
        let subject = Subject::new("ListDevicesInProduct", id);
        let ask = Ask::get(subject, product_path(&subject, "/devices-summary")?);
        let members = self.call(&ask, call).await?;
        wire::devices(&members).ok_or_else(|| subject.unreadable("the answer has no summary"))
    }

    /// What becomes of devices of a deleted product is not documented, so they are looked for with the turn of
    /// the delete already in hand (protocol, Delete 3).
    async fn delete(
        &self,
        target: Target<'_>,
        _inputs: &BTreeMap<Field, SecretString>,
        call: Call,
    ) -> Result<(), VendorError> {
        let subject = Subject::new("DeleteProduct", target.id);
        let ask = Ask::delete(subject, product_path(&subject, "")?);
        let permit = self.permit(&subject, call).await?;
        if target.serial.is_some() {
            self.show_same(target, call).await?;
        }
        let counted = self.devices(target.id, call).await;
        let devices = counted.map_err(|error| VendorError { effect: Effect::NotSent, ..error })?;
        if devices > 0 {
            let message = format!("it has {devices} devices; delete them at the vendor");
            return Err(subject.not_sent(Class::Blocked, &message));
        }
        self.attempt(&ask, permit, call).await?;
        self.fresh.deleted(target.id);
        Ok(())
    }
}

/// Path of a product. What is no number would be another path.
fn product_path(subject: &Subject<'_>, below: &str) -> Result<String, VendorError> {
    if wire::is_id(subject.object) {
        return Ok(format!("/products/{}{below}", subject.object));
    }
    Err(subject.not_sent(
        Class::Spec,
        "a product id of this vendor has digits only; write it as the console shows it",
    ))
}

/// The region's host of a service. The region has letters, digits and dashes only; what has others makes no
/// host and is refused by the list of allowed ones.
fn region_url(service: &str, region: &str) -> Url {
    let host = format!("https://{service}.{region}.myhuaweicloud.com/");
    Url::parse(&host).unwrap_or_else(|_| nowhere())
}

#[expect(clippy::expect_used, reason = "a constant that is a URL")]
fn nowhere() -> Url {
    Url::parse("https://invalid/").expect("a constant")
}

fn bad_field(subject: &Subject<'_>, bad: &BadField) -> VendorError {
    subject.not_sent(Class::Spec, &bad.0)
}

#[cfg(test)]
mod tests;
