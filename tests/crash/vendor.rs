//! A vendor as the checks look at it, the same for all four.

use std::sync::OnceLock;

use base64::Engine as _;
use iot_simulator::{InProcess, alibaba, huawei, tencent};
use serde_json::{Value, json};

const TENCENT: &str = include_str!("../manifests/contract/tencent.yaml");
const LEGACY: &str = include_str!("../manifests/contract/tencent-legacy.yaml");
const ALIBABA: &str = include_str!("../manifests/contract/alibaba.yaml");
const HUAWEI: &str = include_str!("../manifests/contract/huawei.yaml");

/// Where the simulator is, as the operator is told.
const ENDPOINT: &str = "http://vendor.test";

/// A vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Vendor {
    Tencent,
    Legacy,
    Alibaba,
    Huawei,
    /// Huawei as its documents also allow it to be: names and models may be taken twice.
    HuaweiOpen,
}

/// A product at a vendor, as far as the checks care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    /// Key of the output Secret and its value.
    pub(crate) secret: Option<(&'static str, String)>,
    /// Everything of it.
    pub(crate) all: All,
}

/// A product as its vendor has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum All {
    Tencent(tencent::Product),
    Alibaba(alibaba::Product),
    Huawei(huawei::Product),
}

impl Vendor {
    pub(crate) const ALL: [Self; 5] =
        [Self::Tencent, Self::Legacy, Self::Alibaba, Self::Huawei, Self::HuaweiOpen];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tencent => "tencent",
            Self::Legacy => "legacy",
            Self::Alibaba => "alibaba",
            Self::Huawei => "huawei",
            Self::HuaweiOpen => "huawei-open",
        }
    }

    /// The simulator's account.
    fn account(self) -> &'static str {
        if self == Self::Legacy { "legacy" } else { "default" }
    }

    /// Credentials Secret, account and product of the contract.
    pub(crate) fn manifests(self) -> [Value; 3] {
        static READ: [OnceLock<[Value; 3]>; 5] = [const { OnceLock::new() }; 5];
        READ[self as usize].get_or_init(|| self.read_manifests()).clone()
    }

    fn read_manifests(self) -> [Value; 3] {
        use serde::Deserialize as _;
        let documents = |text: &str| -> Vec<Value> {
            serde_yaml_ng::Deserializer::from_str(text)
                .map(|document| Value::deserialize(document).expect("a manifest"))
                .collect()
        };
        let mut documents = match self {
            Self::Tencent => documents(TENCENT),
            Self::Legacy => [&documents(TENCENT)[..1], &documents(LEGACY)].concat(),
            Self::Alibaba => documents(ALIBABA),
            Self::Huawei | Self::HuaweiOpen => documents(HUAWEI),
        };
        let (product, mut account, key) =
            (documents.pop(), documents.pop().expect("an account"), documents.pop().expect("a Secret"));
        account["spec"]["endpoint"] = json!(ENDPOINT);
        [key, account, product.expect("a product")]
    }

    /// All products of the account.
    pub(crate) fn products(self, simulator: &InProcess) -> Vec<Product> {
        let admin = simulator.admin();
        let account = self.account();
        match self {
            Self::Tencent => of(admin.tencent().products(account), of_tencent),
            Self::Legacy => of(admin.tencent_legacy().products(account), of_tencent),
            Self::Alibaba => of(admin.alibaba().products(account), of_alibaba),
            Self::Huawei | Self::HuaweiOpen => of(admin.huawei().products(account), of_huawei),
        }
    }

    /// Makes a product behind the operator's back, as like the manifest's as that is possible.
    pub(crate) fn make(self, simulator: &InProcess, name: &str, description: &str) {
        let admin = simulator.admin();
        let description = description.to_owned();
        match self {
            Self::Tencent => {
                let mut like = tencent::Product::named(name);
                (like.product_description, like.encryption_type) = (description, "2".to_owned());
                admin.tencent().create_product(self.account(), like).map(drop)
            }
            Self::Legacy => {
                let mut like = tencent::Product::named(name);
                like.product_description = description;
                admin.tencent_legacy().create_product(self.account(), like).map(drop)
            }
            Self::Alibaba => {
                let mut like = alibaba::Product::named(name);
                (like.description, like.aliyun_commodity_code) = (description, "iothub_senior".to_owned());
                admin.alibaba().create_product(self.account(), like).map(drop)
            }
            Self::Huawei | Self::HuaweiOpen => {
                let mut like = huawei::Product::named(name);
                (like.description, like.product_type) = (description, 1);
                "PLC.100 v2".clone_into(&mut like.model);
                admin.huawei().create_product(self.account(), like).map(drop)
            }
        }
        .expect("a product");
    }

    /// Deletes a product behind the operator's back.
    pub(crate) fn remove(self, simulator: &InProcess, id: &str) {
        let (admin, account) = (simulator.admin(), self.account());
        match self {
            Self::Tencent => admin.tencent().delete_product(account, id).map(drop),
            Self::Legacy => admin.tencent_legacy().delete_product(account, id).map(drop),
            Self::Alibaba => admin.alibaba().delete_product(account, id).map(drop),
            Self::Huawei | Self::HuaweiOpen => admin.huawei().delete_product(account, id).map(drop),
        }
        .expect("a product to delete");
    }

    /// The account of somebody else at the same vendor, and what the credentials Secret has of its key.
    pub(crate) fn other_key(self, simulator: &InProcess) -> Value {
        let (admin, id, secret) = (simulator.admin(), "AKIDOTHER", "OTHERKEY");
        let names = match self {
            Self::Tencent => {
                admin.tencent().put_account(tencent::AccountConfig::new("other", id, secret));
                ["secretId", "secretKey"]
            }
            Self::Legacy => {
                let mut other = admin.tencent_legacy().account("legacy").expect("the account");
                "other".clone_into(&mut other.name);
                other.keys = vec![tencent::Key::new(id, secret)];
                admin.tencent_legacy().put_account(other);
                ["secretId", "secretKey"]
            }
            Self::Alibaba => {
                let keys = vec![alibaba::Key::new(id, secret)];
                let other = alibaba::AccountConfig { name: "other".to_owned(), keys, ..Default::default() };
                admin.alibaba().put_account(other);
                ["accessKeyId", "accessKeySecret"]
            }
            Self::Huawei | Self::HuaweiOpen => {
                admin.huawei().put_account(huawei::AccountConfig::new("other", id, secret));
                ["accessKey", "secretKey"]
            }
        };
        let encoded = [id, secret].map(|text| base64::engine::general_purpose::STANDARD.encode(text));
        names.into_iter().zip(encoded).map(|(name, value)| (name.to_owned(), json!(value))).collect()
    }

    /// How many products are in that account.
    pub(crate) fn others(self, simulator: &InProcess) -> usize {
        let admin = simulator.admin();
        match self {
            Self::Tencent => admin.tencent().products("other").map_or(0, |products| products.len()),
            Self::Legacy => admin.tencent_legacy().products("other").map_or(0, |products| products.len()),
            Self::Alibaba => admin.alibaba().products("other").map_or(0, |products| products.len()),
            Self::Huawei | Self::HuaweiOpen => {
                admin.huawei().products("other").map_or(0, |products| products.len())
            }
        }
    }

    /// Changes something of a product in the vendor's console that the operator can bring back.
    pub(crate) fn disturb(self, simulator: &InProcess, id: &str) {
        let admin = simulator.admin();
        match self {
            Self::Tencent => {
                admin.tencent().edit_product(self.account(), id, |p| p.register_type = 0).map(drop)
            }
            Self::Legacy => Ok(()),
            Self::Alibaba => admin
                .alibaba()
                .edit_product(self.account(), id, |p| "elsewhere".clone_into(&mut p.product_name))
                .map(drop),
            Self::Huawei | Self::HuaweiOpen => admin
                .huawei()
                .edit_product(self.account(), id, |p| "Other".clone_into(&mut p.manufacturer_name))
                .map(drop),
        }
        .expect("a product to disturb");
    }
}

fn of<P, E: std::fmt::Debug>(products: Result<Vec<P>, E>, read: fn(P) -> Product) -> Vec<Product> {
    products.expect("products").into_iter().map(read).collect()
}

fn of_tencent(product: tencent::Product) -> Product {
    let secret = product.product_secret.clone();
    Product {
        id: product.product_id.clone(),
        name: product.product_name.clone(),
        description: product.product_description.clone(),
        secret: (!secret.is_empty()).then_some(("productSecret", secret)),
        all: All::Tencent(product),
    }
}

fn of_alibaba(product: alibaba::Product) -> Product {
    Product {
        id: product.product_key.clone(),
        name: product.product_name.clone(),
        description: product.description.clone(),
        secret: Some(("productSecret", product.product_secret.clone())),
        all: All::Alibaba(product),
    }
}

fn of_huawei(mut product: huawei::Product) -> Product {
    product.last_updated_datetime = 0;
    Product {
        id: product.id.to_string(),
        name: product.name.clone(),
        description: product.description.clone(),
        secret: Some(("password", product.password.clone())),
        all: All::Huawei(product),
    }
}
