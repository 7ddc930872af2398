//! A product and how answers show it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::random::Random;

const DIGITS: &[u8] = b"0123456789";
const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SPECIAL: &[u8] = b"~!@#$%^&*()-_=+";

/// A product, with what answers hide.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Product {
    /// Id; 0 for a fresh one.
    pub id: i64,
    /// Serial; empty for a fresh one.
    pub product_serial: String,
    /// Instance; empty for the account's first.
    pub instance_id: String,
    /// Application; empty for the instance's first.
    pub app_id: String,
    /// Name.
    pub name: String,
    /// Id of the manufacturer.
    pub manufacturer_id: String,
    /// Name of the manufacturer.
    pub manufacturer_name: String,
    /// Model.
    pub model: String,
    /// 0 normal, 1 gateway.
    pub product_type: i64,
    /// 0 MQTT, 1 CoAP, 2 Modbus, 4 OPC UA, 5 extended.
    pub protocol_type: i64,
    /// 0 JSON, 1 user defined.
    pub data_format: i64,
    /// Device type.
    pub device_type: String,
    /// Description.
    pub description: String,
    /// Version of the model.
    pub version: String,
    /// Template that it was made from.
    pub template_id: Option<i64>,
    /// User name of its devices; empty for a fresh one.
    pub user_name: String,
    /// Password of its devices; empty for a fresh one.
    pub password: String,
    /// How often the password was set or made anew since the product was created.
    pub password_changes: u64,
    /// Milliseconds since the Unix epoch; 0 for now.
    pub created_datetime: i64,
    /// Milliseconds since the Unix epoch.
    pub last_updated_datetime: i64,
    /// Devices under the product.
    pub device_count: u64,
    /// Place in the order of creation.
    #[serde(skip)]
    pub(crate) sequence: u64,
}

impl Product {
    /// A product of that name, its other values those of a fresh one by "Acme".
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            manufacturer_id: "acme01".to_owned(),
            manufacturer_name: "Acme".to_owned(),
            model: "SL.100".to_owned(),
            device_type: "Default".to_owned(),
            ..Self::default()
        }
    }

    /// Fills in what the vendor makes by itself.
    pub(crate) fn complete(&mut self, random: &Random, now_ms: i64) {
        if self.product_serial.is_empty() {
            self.product_serial = format!("D{}", drawn(random, 11, &[LOWER, UPPER, DIGITS]));
        }
        if self.user_name.is_empty() {
            self.user_name.clone_from(&self.product_serial);
        }
        if self.password.is_empty() {
            self.password = password(random);
        }
        if self.created_datetime == 0 {
            self.created_datetime = now_ms;
            self.last_updated_datetime = now_ms;
        }
    }

    /// As an answer shows it; an update's answer has no authentication.
    pub(crate) fn shown(&self, app_name: &str, template_name: Option<&str>) -> Value {
        let user = json!({"user_id": "", "user_name": "iot-operator"});
        let mut shown = json!({
            "permissions": ["read", "access", "delete", "modify"],
            "id": self.id, "product_serial": self.product_serial, "app_id": self.app_id, "app_name": app_name,
            "name": self.name, "manufacturer_id": self.manufacturer_id,
            "manufacturer_name": self.manufacturer_name, "model": self.model,
            "product_type": self.product_type, "description": self.description,
            "device_type": self.device_type, "version": self.version, "protocol_type": self.protocol_type,
            "data_format": self.data_format, "created_user": user, "last_updated_user": user,
            "created_datetime": self.created_datetime, "last_updated_datetime": self.last_updated_datetime,
            "status": 0
        });
        if let Some(template) = self.template_id {
            shown["template_id"] = template.into();
            shown["template_name"] = template_name.unwrap_or_default().into();
        }
        shown
    }

    pub(crate) fn authentication(&self, clear: bool) -> Value {
        let password = if clear { self.password.as_str() } else { "*************" };
        json!({"user_name": self.user_name, "password": password})
    }
}

/// A password of every kind of character.
pub(crate) fn password(random: &Random) -> String {
    let kinds = [LOWER, UPPER, DIGITS, SPECIAL];
    let mut password: String = kinds.iter().map(|kind| drawn(random, 1, &[kind])).collect();
    password.push_str(&drawn(random, 16, &kinds));
    password
}

fn drawn(random: &Random, length: usize, kinds: &[&[u8]]) -> String {
    let alphabet = kinds.concat();
    let index = || usize::try_from(random.next() % alphabet.len() as u64).unwrap_or_default();
    (0..length).filter_map(|_| alphabet.get(index()).copied().map(char::from)).collect()
}
