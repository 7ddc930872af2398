//! The vendors' side: what every vendor client offers, in terms that no vendor owns.
//!
//! Nothing here knows Kubernetes. A vendor is one folder (`sign`, `wire`, `fields`, `error`, `client`) and one arm of
//! [`AnyCloud`]; everything that differs between vendors and that the plan needs is data in [`Traits`].

pub mod alibaba;
mod bounds;
pub mod connection;
pub mod error;
mod fresh;
#[cfg(test)]
mod hostile;
pub mod huawei;
pub mod inventory;
mod known;
mod line;
mod operation;
mod pages;
pub mod place;
pub mod tencent;
pub mod tencent_legacy;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use secrecy::SecretString;

use crate::api::IotProductSpec;
use crate::api::product::names::Names;
use crate::api::product::tencent::SecretKeyRef;
use crate::http::limit::Permit;
use crate::text::printable;
pub use error::{Class, Effect, VendorError};
pub use operation::Call;

/// Path of a product field, spelt as in the manifest below `spec`: `name`, `dynamicRegistration.limit`.
pub type Field = &'static str;

/// Longest value that is shown, in characters: a description of twice the length that any vendor allows.
const SHOWN: usize = 1000;

/// One value of a product field in the manifest's terms (`Symmetric`, not the vendor's `2`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// Text or the name of an enum value.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A switch.
    Flag(bool),
    /// A map that is compared entry by entry; entries that the manifest does not name are left alone.
    Map(BTreeMap<String, String>),
}

impl Value {
    /// The value as it may be shown to people: what a vendor's answer has in it is bounded and printable.
    pub fn shown(&self) -> String {
        printable(&self.to_string(), SHOWN, [])
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Map(map) => {
                for (i, (key, value)) in map.iter().enumerate() {
                    write!(f, "{}{key}={value}", if i == 0 { "" } else { "," })?;
                }
                Ok(())
            }
        }
    }
}

/// Fields and their values. In a wish: what the manifest manages. In an observation: what the answer shows.
pub type Fields = BTreeMap<Field, Value>;

/// What can be done about a difference in one field at one vendor (`docs/fields.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The field.
    pub field: Field,
    /// The vendor can change it after creation.
    pub mutable: bool,
    /// A list entry shows it reliably; otherwise only a read by id does.
    pub listed: bool,
    /// It means something only while another field has this value; otherwise it is not managed.
    pub only_with: Option<(Field, &'static str)>,
}

/// What the plan has to know of a vendor (protocol, "Per vendor").
#[derive(Debug)]
pub struct Traits {
    /// The vendor refuses a taken name atomically, so its refusal is the first look-up.
    pub refuses_taken_names: bool,
    /// The description, and with it the mark, can be rewritten.
    pub can_remark: bool,
    /// A product can be read by its id; else lists are the only reading.
    pub reads_by_id: bool,
    /// The client's delete itself looks for devices, right before the call: whether the vendor refuses to delete
    /// a product with devices is not documented (protocol, Delete 3).
    pub delete_checks_devices: bool,
    /// Devices of a product authenticate with a password that only the operator knows (Huawei).
    pub sets_password: bool,
    /// Names that the API takes, of a new product and with a change of the description, which repeats the name.
    pub names: &'static Names,
    /// UTF-16 units of a description that leave room for the mark.
    pub description_units: usize,
    /// Every field of the vendor, in the order in which drift is reported.
    pub rules: &'static [Rule],
}

impl Traits {
    /// The rule of a field, if the vendor has that field.
    pub fn rule(&self, field: &str) -> Option<&'static Rule> {
        self.rules.iter().find(|rule| rule.field == field)
    }
}

/// A product as a vendor's answer shows it.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The vendor's id, as text.
    pub id: String,
    /// The vendor-side name.
    pub name: String,
    /// The description with whatever mark it carries; empty when there is none.
    pub description: String,
    /// The vendor's serial of the product, where ids alone do not name one for ever (Huawei).
    pub serial: Option<String>,
    /// Every other field the answer shows reliably, in the manifest's terms (without `name`, `description`).
    pub fields: Fields,
    /// The product secret, if the answer shows a non-empty one.
    pub secret: Option<SecretString>,
    /// Creation time in seconds since the Unix epoch, if shown.
    pub created_at: Option<i64>,
    /// The answer was a read by id; a list entry shows less.
    pub full: bool,
}

/// What a create sends.
#[derive(Debug, Clone)]
pub struct CreateRequest {
    /// The vendor-side name.
    pub name: String,
    /// The user's description with our mark at its end.
    pub description: String,
    /// The managed fields (without `name`, `description`); absent ones take the vendor's default.
    pub fields: Fields,
    /// Secret inputs by the field that names them (`tencent.skeySecretRef`).
    pub inputs: BTreeMap<Field, SecretString>,
}

/// The product that a mutating call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The vendor's id.
    pub id: &'a str,
    /// Its serial as recorded; a vendor with serials compares it before the call.
    pub serial: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// A product at a vendor whose ids name one product for ever.
    pub fn id(id: &'a str) -> Self {
        Self { id, serial: None }
    }
}

impl Observed {
    /// This product as the target of a call.
    pub fn target(&self) -> Target<'_> {
        Target { id: &self.id, serial: self.serial.as_deref() }
    }

    /// A hash of everything that is compared: two answers with the same one say the same.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.id, &self.name, &self.description, &self.serial, &self.fields).hash(&mut hasher);
        hasher.finish()
    }
}

/// What an update sets, and what is to be there afterwards for vendors whose calls need more than the difference.
#[derive(Debug, Clone)]
pub struct Changes {
    /// The fields to set, `name` and `description` (with mark) included where the vendor can change them.
    pub set: Fields,
    /// All managed fields, `name` and `description` (with mark) as they are to be; what is not set is as the vendor has it.
    pub desired: Fields,
    /// The product as last read.
    pub observed: Fields,
}

/// One vendor account as the pipeline uses it. Every method signs each attempt afresh, waits for its
/// budget, and does not retry: retrying is the plan's decision.
pub trait Cloud {
    /// The vendor's facts.
    fn traits(&self) -> &'static Traits;

    /// The fields of a product that was just created from this request, as far as the vendor's documents tell.
    /// The next list or read verifies them.
    fn created(&self, request: &CreateRequest) -> Fields;

    /// Whether a product with these fields has a product secret that the vendor shows.
    fn has_secret(&self, fields: &Fields) -> bool;

    /// User name with which devices of a product connect, where the vendor has one.
    fn user(&self, fields: &Fields) -> Option<String> {
        let _ = fields;
        None
    }

    /// Device MQTT host of a product, when the vendor's documents name one.
    fn endpoint(&self, id: &str) -> Option<String>;

    /// Waits for the budget of one create, before the ledger is written. [`Class::Busy`] when many wait.
    fn reserve_create(&self, call: Call) -> impl Future<Output = Result<Permit, VendorError>> + Send;

    /// Creates a product and returns its id; nothing else of the answer is believed.
    fn create(
        &self,
        request: &CreateRequest,
        permit: Permit,
        call: Call,
    ) -> impl Future<Output = Result<String, VendorError>> + Send;

    /// Reads one product by id. Absence is an error of class [`Class::NotFound`].
    fn read(&self, id: &str, call: Call) -> impl Future<Output = Result<Observed, VendorError>> + Send;

    /// Adds what an action of its own shows, if it is managed and not known yet. By default reads by id show everything.
    fn complete(
        &self,
        product: Observed,
        managed: &Fields,
        call: Call,
    ) -> impl Future<Output = Result<Observed, VendorError>> + Send {
        let _ = (managed, call);
        async { Ok(product) }
    }

    /// Lists all products: every page, as many distinct ids as the vendor's total says.
    /// A list that changes while it is read is read again within the deadline, then an error.
    fn list(&self, call: Call) -> impl Future<Output = Result<Vec<Observed>, VendorError>> + Send;

    /// Sets `changes.set`. Returns the product secret if an answer showed one.
    fn update(
        &self,
        target: Target<'_>,
        changes: &Changes,
        call: Call,
    ) -> impl Future<Output = Result<Option<SecretString>, VendorError>> + Send;

    /// Sets the password with which devices of the product authenticate (Huawei). The default is for vendors
    /// whose [`Traits::sets_password`] is false, where nothing calls it.
    fn set_password(
        &self,
        target: Target<'_>,
        user: Option<&str>,
        password: &SecretString,
        call: Call,
    ) -> impl Future<Output = Result<(), VendorError>> + Send {
        let _ = (user, password, call);
        let error = VendorError::not_sent(
            "set a password",
            target.id,
            Class::Spec,
            "this vendor's products have no password",
        );
        async { Err(error) }
    }

    /// Number of devices under the product.
    fn devices(&self, id: &str, call: Call) -> impl Future<Output = Result<u64, VendorError>> + Send;

    /// Deletes the product.
    fn delete(
        &self,
        target: Target<'_>,
        inputs: &BTreeMap<Field, SecretString>,
        call: Call,
    ) -> impl Future<Output = Result<(), VendorError>> + Send;
}

/// The Secret keys that a manifest names as inputs of create and delete, by the field that names them. Only
/// the section of the manifest's own vendor can be there.
pub fn inputs(spec: &IotProductSpec) -> impl Iterator<Item = (Field, &SecretKeyRef)> {
    tencent::inputs(spec).into_iter()
}

/// Any vendor's client.
pub enum AnyCloud {
    /// Alibaba Cloud IoT Platform.
    Alibaba(alibaba::Alibaba),
    /// Tencent Cloud IoT Hub, API 3.0.
    Tencent(tencent::Tencent),
    /// Tencent Cloud IoT Hub, API 2.0.
    TencentLegacy(tencent_legacy::TencentLegacy),
    /// Huawei Cloud ROMA Connect LINK.
    Huawei(huawei::Huawei),
}

/// Runs a method on whichever client it is.
macro_rules! each {
    ($self:ident, $cloud:ident => $body:expr) => {
        match $self {
            AnyCloud::Alibaba($cloud) => $body,
            AnyCloud::Tencent($cloud) => $body,
            AnyCloud::TencentLegacy($cloud) => $body,
            AnyCloud::Huawei($cloud) => $body,
        }
    };
}

impl Cloud for AnyCloud {
    fn traits(&self) -> &'static Traits {
        each!(self, cloud => cloud.traits())
    }

    fn created(&self, request: &CreateRequest) -> Fields {
        each!(self, cloud => cloud.created(request))
    }

    fn has_secret(&self, fields: &Fields) -> bool {
        each!(self, cloud => cloud.has_secret(fields))
    }

    fn user(&self, fields: &Fields) -> Option<String> {
        each!(self, cloud => cloud.user(fields))
    }

    fn endpoint(&self, id: &str) -> Option<String> {
        each!(self, cloud => cloud.endpoint(id))
    }

    async fn reserve_create(&self, call: Call) -> Result<Permit, VendorError> {
        each!(self, cloud => cloud.reserve_create(call).await)
    }

    async fn create(
        &self,
        request: &CreateRequest,
        permit: Permit,
        call: Call,
    ) -> Result<String, VendorError> {
        each!(self, cloud => cloud.create(request, permit, call).await)
    }

    async fn read(&self, id: &str, call: Call) -> Result<Observed, VendorError> {
        each!(self, cloud => cloud.read(id, call).await)
    }

    async fn complete(
        &self,
        product: Observed,
        managed: &Fields,
        call: Call,
    ) -> Result<Observed, VendorError> {
        each!(self, cloud => cloud.complete(product, managed, call).await)
    }

    async fn list(&self, call: Call) -> Result<Vec<Observed>, VendorError> {
        each!(self, cloud => cloud.list(call).await)
    }

    async fn update(
        &self,
        target: Target<'_>,
        changes: &Changes,
        call: Call,
    ) -> Result<Option<SecretString>, VendorError> {
        each!(self, cloud => cloud.update(target, changes, call).await)
    }

    async fn set_password(
        &self,
        target: Target<'_>,
        user: Option<&str>,
        password: &SecretString,
        call: Call,
    ) -> Result<(), VendorError> {
        each!(self, cloud => cloud.set_password(target, user, password, call).await)
    }

    async fn devices(&self, id: &str, call: Call) -> Result<u64, VendorError> {
        each!(self, cloud => cloud.devices(id, call).await)
    }

    async fn delete(
        &self,
        target: Target<'_>,
        inputs: &BTreeMap<Field, SecretString>,
        call: Call,
    ) -> Result<(), VendorError> {
        each!(self, cloud => cloud.delete(target, inputs, call).await)
    }
}
