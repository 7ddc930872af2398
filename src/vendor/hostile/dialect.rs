//! How each vendor says things, for what is the same at all of them.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Value as Json, json};

use crate::http::carrier::Internet;
use crate::http::endpoint::AllowedEndpoints;
use crate::http::fence::Always;
use crate::http::memory::Memory;
use crate::http::testing::Server;
use crate::metrics::Metrics;
use crate::vendor::connection::{Connection, SharedBudget, Surroundings};

/// One vendor's way to say things.
pub(super) struct Dialect {
    pub(super) account: Json,
    pub(super) keys: &'static [(&'static str, &'static str)],
    pub(super) page: usize,
    /// A page of a list, of these entries as text.
    pub(super) list: fn(total: u64, entries: &str) -> String,
    /// A product of this id, name, and text wherever a text can be.
    pub(super) product: fn(id: &str, name: &str, text: &str) -> Json,
    pub(super) created: fn(id: &str) -> String,
    pub(super) refusal: fn(code: &str, message: &str) -> (u16, String),
    /// A code that means throttling, with its status.
    pub(super) throttled: (u16, &'static str),
}

const TENCENT: &[(&str, &str)] = &[("secretId", "AKIDEXAMPLE"), ("secretKey", "SECRETKEYEXAMPLE")];

pub(super) fn dialects() -> [Dialect; 4] {
    [tencent(), tencent_legacy(), alibaba(), huawei()]
}

fn tencent() -> Dialect {
    Dialect {
        account: json!({"vendor": "TencentCloud", "region": "ap-guangzhou"}),
        keys: TENCENT,
        page: 250,
        list: |total, entries| {
            format!(r#"{{"Response":{{"RequestId":"r","TotalCount":{total},"Products":[{entries}]}}}}"#)
        },
        product: |id, name, text| {
            json!({"ProductId": id, "ProductName": name, "ProductProperties": {
                    "ProductDescription": text, "EncryptionType": text, "Format": text, "ModelId": text,
                    "AppEUI": text, "PrivateCAName": text, "ProductSecret": text}})
        },
        created: |id| json!({"Response": {"RequestId": "r", "ProductId": id}}).to_string(),
        refusal: |code, message| {
            let error = json!({"Code": code, "Message": message});
            (200, json!({"Response": {"RequestId": code, "Error": error}}).to_string())
        },
        throttled: (200, "RequestLimitExceeded"),
    }
}

fn tencent_legacy() -> Dialect {
    Dialect {
        account: json!({"vendor": "TencentCloudLegacy", "region": "gz"}),
        keys: TENCENT,
        page: 250,
        list: |total, entries| format!(r#"{{"code":0,"totalCnt":{total},"products":[{entries}]}}"#),
        product: |id, name, text| {
            json!({"productID": id, "productName": name, "productProperties": {
                    "productDescription": text, "encryptionType": text}})
        },
        created: |id| json!({"code": 0, "productID": id}).to_string(),
        refusal: |code, message| {
            let number: i64 = code.parse().unwrap_or(4000);
            (200, json!({"code": number, "message": message, "codeDesc": code}).to_string())
        },
        throttled: (200, "4400"),
    }
}

fn alibaba() -> Dialect {
    Dialect {
        account: json!({"vendor": "AlibabaCloud", "region": "cn-shanghai"}),
        keys: &[("accessKeyId", "testid"), ("accessKeySecret", "testsecret")],
        page: 200,
        list: |total, entries| {
            format!(
                r#"{{"RequestId":"r","Success":true,"Data":{{"Total":{total},"List":{{"ProductInfo":[{entries}]}}}}}}"#
            )
        },
        product: |id, name, text| {
            json!({"ProductKey": id, "ProductName": name, "Description": text, "AuthType": text,
                    "ProductSecret": text})
        },
        created: |id| json!({"RequestId": "r", "Success": true, "ProductKey": id}).to_string(),
        refusal: |code, message| {
            (400, json!({"RequestId": code, "Code": code, "Message": message}).to_string())
        },
        throttled: (400, "Throttling.User"),
    }
}

fn huawei() -> Dialect {
    Dialect {
        account: json!({"vendor": "HuaweiCloud", "region": "cn-north-4",
                "huawei": {"projectId": "p1", "instanceId": "i1"}}),
        keys: &[("accessKey", "AK"), ("secretKey", "SK")],
        page: 500,
        list: |total, entries| format!(r#"{{"total":{total},"items":[{entries}]}}"#),
        product: |id, name, text| {
            json!({"id": id, "name": name, "description": text, "app_id": text, "manufacturer_id": text,
                    "manufacturer_name": text, "model": text, "device_type": text, "version": text,
                    "authentication": {"user_name": text}})
        },
        created: |id| json!({"id": id}).to_string(),
        refusal: |code, message| {
            (400, json!({"error_code": code, "error_msg": message, "request_id": code}).to_string())
        },
        throttled: (429, "APIG.0308"),
    }
}

impl Dialect {
    pub(super) fn connect(&self, server: &Server, memory: &Arc<Memory>) -> Connection {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let endpoints = AllowedEndpoints::parse(&["127.0.0.1:*".to_owned()]).unwrap().with_plain_http(true);
        let surroundings = Surroundings {
            endpoints: Arc::new(endpoints),
            fence: Arc::new(Always),
            network: Arc::new(Internet),
            metrics: Metrics::new(),
            refusals: Arc::default(),
            memory: Arc::clone(memory),
            forbid_unsafe_limits: false,
            tenant: Arc::from(""),
        };
        let mut account = self.account.clone();
        account["endpoint"] = server.url("/").as_str().into();
        account["limits"] = json!({"unsafe": true, "requestsPerSecond": {"default": 10_000}});
        let settings = serde_json::from_value(account).unwrap();
        let keys = self.keys.iter().map(|(key, value)| ((*key).to_owned(), SecretString::from(*value)));
        Connection::new(&settings, &keys.collect(), None, &surroundings, &SharedBudget::default()).unwrap()
    }

    pub(super) fn entries(&self, ids: std::ops::Range<usize>, text: &str) -> String {
        let entry = |id| (self.product)(&format!("{}", 100_000 + id), "lamp", text).to_string();
        ids.map(entry).collect::<Vec<_>>().join(",")
    }

    pub(super) fn name(&self) -> &str {
        self.account["vendor"].as_str().unwrap()
    }
}
