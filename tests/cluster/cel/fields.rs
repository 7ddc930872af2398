//! Every cell of `docs/fields.md`, tried: what is mutable, frozen or not supported is so.

use iot_product_operator::api::Vendor;
use iot_product_operator::api::product::frozen::{Accepts, FROZEN};
use iot_product_operator::api::product::names;
use kube::Client;
use serde_json::{Value, json};

use super::matrix::{self, Cell, Use};
use super::object::{Object, merge, nested};
use super::spec_of;

/// One field at one vendor, with values to try.
struct Trial<'a> {
    client: &'a Client,
    namespace: &'a str,
    field: &'a str,
    cell: Cell,
    /// The field can not be left out.
    always: bool,
    first: Value,
    /// Another value, if there is one.
    second: Option<Value>,
    /// What else the spec needs for this field.
    with: Value,
}

/// What is mutable, frozen or not supported by `docs/fields.md` is so on the server; and whatever the spec
/// lacks or has, a status patch and the removal of a finalizer always pass.
pub(crate) async fn every_cell_of_the_matrix(client: Client, namespace: &str) -> Result<(), String> {
    let values: Value =
        serde_yaml_ng::from_str(include_str!("values.yaml")).map_err(|error| error.to_string())?;
    let mut faults = Vec::new();
    for row in matrix::rows() {
        for cell in row.cells {
            let of_vendor = &values[&row.field][cell.vendor.as_str()];
            let of = if of_vendor.is_null() { &values[&row.field] } else { of_vendor };
            let trial = Trial {
                client: &client,
                namespace,
                field: &row.field,
                cell,
                always: row.required || of["always"] == true,
                first: of["values"][0].clone(),
                second: of["values"].get(1).cloned(),
                with: of.get("with").cloned().unwrap_or_else(|| json!({})),
            };
            assert!(!trial.first.is_null(), "cel/values.yaml has no values for {}", row.field);
            if let Err(fault) = trial.run().await {
                faults.push(format!("{} at {}: {fault}", row.field, cell.vendor));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// A name or description that Tencent's console accepted but its API would not may be written down, and an
/// object with it stays writable; another such value is still refused.
pub(crate) async fn console_names_are_accepted(client: Client, namespace: &str) -> Result<(), String> {
    let object = Object::new(
        &client,
        namespace,
        "IotProduct",
        "console",
        &spec_of("IotProduct", "tencent", &json!({})),
    );
    object.create().await?;
    let long = "x".repeat(480);
    let observed = json!({"name": "温控器 (room)", "description": long});
    object.status(&json!({"productId": "P1", "observed": observed})).await?;
    refused(object.try_spec(&json!({"name": "温控器 (hall)"})).await, "Tencent takes 1 to 32")?;
    refused(object.try_spec(&json!({"description": "y".repeat(480)})).await, "shorten spec.description")?;
    object.merge(&json!({"spec": observed})).await?;
    object.status(&json!({"observed": null})).await?;
    object.is_writable().await?;
    object.try_spec(&json!({"suspend": true})).await?;
    object.delete().await
}

/// First and last of every range of Chinese characters, and what lies beside them.
const CHARACTERS: &[u32] = &[
    0x2D, 0x2E, 0x3A, 0x40, 0x5F, 0xE9, 0x2E7F, 0x2E80, 0x2E9A, 0x2EF3, 0x2F00, 0x2FD5, 0x3004, 0x3005,
    0x3007, 0x3020, 0x3021, 0x3029, 0x3038, 0x303B, 0x3042, 0x30D7, 0x3400, 0x4DBF, 0x4DC0, 0x4E00, 0x9FFF,
    0xA000, 0xAC00, 0xF900, 0xFA6D, 0xFA6E, 0xFAD9, 0x16FE2, 0x16FE3, 0x16FE4, 0x16FF1, 0x1F321, 0x20000,
    0x2A6DF, 0x2A700, 0x2B739, 0x2B740, 0x2B81D, 0x2B820, 0x2CEA1, 0x2CEB0, 0x2EBE0, 0x2F800, 0x2FA1D,
    0x30000, 0x3134A, 0x31350, 0x323AF, 0x323B0,
];

/// What the rule takes as a new name the operator takes as well, and nothing else: it asks where the rule cannot.
pub(crate) async fn names_are_taken_as_the_operator_takes_them(
    client: Client,
    namespace: &str,
) -> Result<(), String> {
    let mut faults = Vec::new();
    for (base, rule) in
        [("tencent", &names::TENCENT), ("alibaba", &names::ALIBABA), ("huawei", &names::HUAWEI)]
    {
        let mut tried: Vec<String> = [1, 2, 3, 4, 13, 15, 16, 29, 30, 31, 32, 33, 64]
            .into_iter()
            .flat_map(|count| ["x", "灯"].map(|character| character.repeat(count)))
            .collect();
        tried.extend(CHARACTERS.iter().filter_map(|code| Some(format!("ab{}", char::from_u32(*code)?))));
        tried.extend(CHARACTERS.iter().filter_map(|code| Some(format!("abc{}", char::from_u32(*code)?))));
        for name in tried {
            let spec = spec_of("IotProduct", base, &json!({"name": name}));
            let taken =
                Object::new(&client, namespace, "IotProduct", "named", &spec).try_create().await.is_ok();
            if taken != rule.takes(&name) {
                faults.push(format!("{base} {name:?}: the rule says {taken}"));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

impl Trial<'_> {
    async fn run(&self) -> Result<(), String> {
        match self.cell.usage {
            Use::NotSupported => self.not_supported().await,
            Use::Mutable => self.mutable().await,
            Use::Frozen => {
                self.frozen_absent().await?;
                self.frozen_set().await
            }
        }
    }

    /// An object of the vendor with the field at this value, or without it.
    fn object(&self, value: Option<&Value>) -> Object {
        let base = match self.cell.vendor {
            Vendor::TencentCloud => "tencent",
            Vendor::TencentCloudLegacy => "legacy",
            Vendor::AlibabaCloud => "alibaba",
            Vendor::HuaweiCloud => "huawei",
        };
        let mut spec = spec_of("IotProduct", base, &self.with);
        if let Some(value) = value {
            merge(&mut spec, &nested(self.field, value));
        }
        let name = format!("{}-{}", self.field, self.cell.vendor).to_lowercase();
        Object::new(self.client, self.namespace, "IotProduct", &name, &spec)
    }

    fn set(&self, value: &Value) -> Value {
        nested(self.field, value)
    }

    async fn not_supported(&self) -> Result<(), String> {
        match self.object(Some(&self.first)).try_create().await {
            Ok(()) => Err("is accepted".to_owned()),
            Err(_) => Ok(()),
        }
    }

    async fn mutable(&self) -> Result<(), String> {
        let object = self.object((self.always).then_some(&self.first));
        object.create().await?;
        object.status(&json!({"productId": "P1"})).await?;
        for value in [Some(&self.first), self.second.as_ref()].into_iter().flatten() {
            object.merge(&json!({"spec": self.set(value)})).await?;
            object.is_writable().await?;
        }
        if !self.always {
            object.merge(&json!({"spec": self.set(&Value::Null)})).await?;
            object.is_writable().await?;
        }
        object.delete().await
    }

    /// absent → absent, set; and set to what the vendor has.
    async fn frozen_absent(&self) -> Result<(), String> {
        if self.always {
            return Ok(());
        }
        let object = self.object(None);
        object.create().await?;
        object
            .try_spec(&self.set(&self.first))
            .await
            .map_err(|error| format!("before it exists: {error}"))?;
        object.status(&json!({"productId": "P1"})).await?;
        object.is_writable().await?;
        object.merge(&json!({"spec": {"suspend": true}})).await?;
        refused(object.try_spec(&self.set(&self.first)).await, &self.message())?;
        self.accept_observed(&object, &self.first).await?;
        object.delete().await
    }

    /// set → the same, absent, other; and other when the vendor has it.
    async fn frozen_set(&self) -> Result<(), String> {
        let object = self.object(Some(&self.first));
        object.create().await?;
        if let Some(second) = &self.second
            && self.field != "vendor"
        {
            object.try_spec(&self.set(second)).await.map_err(|error| format!("before it exists: {error}"))?;
        }
        object.status(&json!({"productId": "P1"})).await?;
        object.is_writable().await?;
        object.merge(&json!({"spec": {"suspend": true}})).await?;
        if !self.always {
            refused(object.try_spec(&self.set(&Value::Null)).await, &self.message())?;
            self.accept_absence(&object).await?;
        }
        if let Some(second) = &self.second {
            refused(object.try_spec(&self.set(second)).await, &self.message())?;
            self.accept_observed(&object, second).await?;
        }
        object.delete().await
    }

    fn accepts(&self) -> Accepts {
        let frozen = FROZEN.iter().find(|frozen| frozen.field == self.field);
        frozen.map_or(Accepts::Nothing, |frozen| frozen.accepts)
    }

    fn message(&self) -> String {
        format!("spec.{} can not be changed once the product exists", self.field)
    }

    /// With the value in the status it may be written, and the object stays writable afterwards.
    async fn accept_observed(&self, object: &Object, value: &Value) -> Result<(), String> {
        let (Accepts::Status(path) | Accepts::StatusOrAbsent(path, _)) = self.accepts() else {
            return Ok(());
        };
        object.status(&nested(path, value)).await?;
        let set = json!({"spec": self.set(value)});
        object.merge(&set).await.map_err(|error| format!("set to what is observed: {error}"))?;
        object.is_writable().await
    }

    async fn accept_absence(&self, object: &Object) -> Result<(), String> {
        let Accepts::StatusOrAbsent(path, absent) = self.accepts() else {
            return Ok(());
        };
        object.status(&nested(path, &json!("something else"))).await?;
        refused(object.try_spec(&self.set(&Value::Null)).await, &self.message())?;
        object.status(&nested(path, &json!(absent))).await?;
        object.merge(&json!({"spec": self.set(&Value::Null)})).await?;
        object.is_writable().await
    }
}

fn refused(outcome: Result<(), String>, message: &str) -> Result<(), String> {
    match outcome {
        Ok(()) => Err(format!("accepted instead of {message:?}")),
        Err(error) if error.contains(message) => Ok(()),
        Err(error) => Err(format!("{error}\n  instead of {message:?}")),
    }
}
