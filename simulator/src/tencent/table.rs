//! Every action that the simulator knows, with its parameters as the vendor's reference lists them.

use super::actions::{self, Context, Done};
use super::cas;
use super::devices;
use super::refusal::Refusal;
use super::schema::{Field, Kind, Params, optional, required};

type Run = fn(&Context<'_>, &Params) -> Result<Done, Refusal>;

/// An action of the API.
pub(crate) struct Action {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
    /// Changes something, so an isolated account may not.
    pub(crate) writes: bool,
    /// The international site lacks it.
    pub(crate) domestic: bool,
    pub(crate) run: Run,
}

const fn read(name: &'static str, fields: &'static [Field], run: Run) -> Action {
    Action { name, fields, writes: false, domestic: false, run }
}

const fn write(name: &'static str, fields: &'static [Field], run: Run) -> Action {
    Action { name, fields, writes: true, domestic: false, run }
}

const PRODUCT_PROPERTIES: &[Field] = &[
    optional("ProductDescription", Kind::Text),
    optional("EncryptionType", Kind::Text),
    optional("Region", Kind::Text),
    optional("ProductType", Kind::Uint),
    optional("Format", Kind::Text),
    optional("Platform", Kind::Text),
    optional("Appeui", Kind::Text),
    optional("AppEUI", Kind::Text),
    optional("ModelId", Kind::Text),
    optional("ModelName", Kind::Text),
    optional("ProductKey", Kind::Text),
    optional("RegisterType", Kind::Uint),
    optional("ProductSecret", Kind::Text),
    optional("RegisterLimit", Kind::Uint),
    optional("OriginProductId", Kind::Text),
    optional("PrivateCAName", Kind::Text),
    optional("OriginUserId", Kind::Uint),
    optional("DeviceLimit", Kind::Uint),
    optional("ForbiddenStatus", Kind::Uint),
];

const CREATE: &[Field] = &[
    required("ProductName", Kind::Text),
    optional("ProductProperties", Kind::Object(PRODUCT_PROPERTIES)),
    optional("Skey", Kind::Text),
];
const BY_ID: &[Field] = &[required("ProductId", Kind::Text)];
const DELETE: &[Field] = &[required("ProductId", Kind::Text), optional("Skey", Kind::Text)];
const PAGED: &[Field] = &[required("Offset", Kind::Uint), required("Limit", Kind::Uint)];
const REGISTER: &[Field] = &[
    required("ProductId", Kind::Text),
    required("RegisterType", Kind::Uint),
    required("RegisterLimit", Kind::Uint),
];
const FORBID: &[Field] = &[required("ProductId", Kind::Texts), required("Status", Kind::Uint)];
const BIND_CA: &[Field] = &[required("ProductId", Kind::Text), required("CertName", Kind::Text)];

/// Every action that the simulator knows.
pub(crate) static ACTIONS: &[Action] = &[
    write("CreateProduct", CREATE, actions::create),
    read("DescribeProduct", BY_ID, actions::describe),
    read("DescribeProducts", PAGED, actions::list),
    write("DeleteProduct", DELETE, actions::delete),
    write("UpdateProductDynamicRegister", REGISTER, actions::update_dynamic_register),
    write("SetProductsForbiddenStatus", FORBID, actions::set_forbidden_status),
    Action { domestic: true, ..write("UpdateProductPrivateCA", BIND_CA, cas::bind) },
    Action { domestic: true, ..write("DeleteProductPrivateCA", BY_ID, cas::unbind) },
    write("CreatePrivateCA", cas::CREATE, cas::create),
    write("DeletePrivateCA", cas::BY_NAME, cas::delete),
    read("DescribePrivateCAs", &[], cas::list),
    read("DescribeDevices", devices::FIELDS, devices::list),
];
