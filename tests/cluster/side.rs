//! The four vendors as one: what a test asks of each of them.

use iot_simulator::tencent::{AccountConfig, Key};
use iot_simulator::{Settings, alibaba, huawei};
use serde_json::{Value, json};

use crate::manifest::Contract;
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::vendor::mark;
use crate::world::{PATIENCE, World};

/// A vendor API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Tencent,
    Legacy,
    Alibaba,
    Huawei,
}

/// All of them.
pub(crate) const SIDES: [Side; 4] = [Side::Tencent, Side::Legacy, Side::Alibaba, Side::Huawei];

/// What every vendor shows of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    /// Product secret, or password of its devices; empty where there is none.
    pub(crate) secret: String,
}

impl Side {
    /// The contract's manifests.
    pub(crate) fn contract(self, world: &World) -> Contract {
        self.contract_in(world.namespace().name(), &world.endpoint())
    }

    /// The same for any namespace.
    pub(crate) fn contract_in(self, namespace: &str, endpoint: &str) -> Contract {
        match self {
            Self::Tencent => Contract::tencent(namespace, endpoint),
            Self::Legacy => Contract::legacy(namespace, endpoint),
            Self::Alibaba => Contract::alibaba(namespace, endpoint),
            Self::Huawei => Contract::huawei(namespace, endpoint),
        }
    }

    /// Value of `spec.vendor`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tencent => "TencentCloud",
            Self::Legacy => "TencentCloudLegacy",
            Self::Alibaba => "AlibabaCloud",
            Self::Huawei => "HuaweiCloud",
        }
    }

    /// The vendor's products, oldest first.
    pub(crate) fn products(self, world: &World) -> Vec<Shown> {
        let admin = world.admin();
        let tencent = |product: iot_simulator::tencent::Product| Shown {
            id: product.product_id,
            name: product.product_name,
            description: product.product_description,
            secret: product.product_secret,
        };
        match self {
            Self::Tencent => admin.tencent().products("default").unwrap().into_iter().map(tencent).collect(),
            Self::Legacy => {
                admin.tencent_legacy().products("legacy").unwrap().into_iter().map(tencent).collect()
            }
            Self::Alibaba => {
                let shown = |product: alibaba::Product| Shown {
                    id: product.product_key,
                    name: product.product_name,
                    description: product.description,
                    secret: product.product_secret,
                };
                admin.alibaba().products("default").unwrap().into_iter().map(shown).collect()
            }
            Self::Huawei => {
                let shown = |product: huawei::Product| Shown {
                    id: product.id.to_string(),
                    name: product.name,
                    description: product.description,
                    secret: product.password,
                };
                admin.huawei().products("default").unwrap().into_iter().map(shown).collect()
            }
        }
    }

    /// Sets how many devices a product has.
    pub(crate) fn set_devices(self, world: &World, id: &str, count: u64) {
        let admin = world.admin();
        let set = match self {
            Self::Tencent => admin.tencent().set_devices("default", id, count),
            Self::Legacy => admin.tencent_legacy().set_devices("legacy", id, count),
            Self::Alibaba => admin.alibaba().set_devices("default", id, count),
            Self::Huawei => admin.huawei().set_devices("default", id, count),
        };
        set.expect("a product to give devices");
    }

    /// The vendor takes another secret for the account's key from now on, under this name in the Secret.
    pub(crate) fn rotate(self, world: &World, secret: &str) -> &'static str {
        let admin = world.admin();
        let changed = match self {
            Self::Tencent | Self::Legacy => {
                let (vendor, account) = match self {
                    Self::Tencent => (admin.tencent(), "default"),
                    _ => (admin.tencent_legacy(), "legacy"),
                };
                let mut keys = vendor.account(account).expect("the account").keys;
                for key in &mut keys {
                    secret.clone_into(&mut key.secret_key);
                }
                vendor.set_keys(account, keys)
            }
            Self::Alibaba => {
                let mut keys = admin.alibaba().account("default").expect("the account").keys;
                for key in &mut keys {
                    secret.clone_into(&mut key.access_key_secret);
                }
                admin.alibaba().set_keys("default", keys)
            }
            Self::Huawei => {
                let mut keys = admin.huawei().account("default").expect("the account").keys;
                for key in &mut keys {
                    secret.clone_into(&mut key.secret_key);
                }
                admin.huawei().set_keys("default", keys)
            }
        };
        changed.expect("the account");
        if self == Self::Alibaba { "accessKeySecret" } else { "secretKey" }
    }

    /// Whether the vendor's descriptions can be changed, and with them the mark.
    pub(crate) fn remarks(self) -> bool {
        matches!(self, Self::Alibaba | Self::Huawei)
    }

    /// A product that somebody made at the vendor as the contract's would be, with this description.
    pub(crate) fn existing(self, world: &World, contract: &Contract, description: &str) -> Shown {
        let admin = world.admin();
        let name = contract.product["spec"]["name"].as_str().unwrap();
        let description = description.to_owned();
        let id = match self {
            Self::Tencent | Self::Legacy => {
                let mut product = iot_simulator::tencent::Product::named(name);
                let encryption = if self == Self::Tencent { "2" } else { "1" };
                encryption.clone_into(&mut product.encryption_type);
                product.product_description = description;
                let (vendor, account) = match self {
                    Self::Tencent => (admin.tencent(), "default"),
                    _ => (admin.tencent_legacy(), "legacy"),
                };
                vendor.create_product(account, product).unwrap().product_id
            }
            Self::Alibaba => {
                let mut product = alibaba::Product::named(name);
                product.description = description;
                "iothub_senior".clone_into(&mut product.aliyun_commodity_code);
                admin.alibaba().create_product("default", product).unwrap().product_key
            }
            Self::Huawei => {
                let mut product = huawei::Product::named(name);
                product.description = description;
                product.product_type = 1;
                "PLC.100 v2".clone_into(&mut product.model);
                admin.huawei().create_product("default", product).unwrap().id.to_string()
            }
        };
        self.products(world).into_iter().find(|product| product.id == id).unwrap()
    }

    /// Deletes a product behind the operator's back.
    pub(crate) fn remove(self, world: &World, id: &str) {
        let admin = world.admin();
        let removed = match self {
            Self::Tencent => admin.tencent().delete_product("default", id).map(drop),
            Self::Legacy => admin.tencent_legacy().delete_product("legacy", id).map(drop),
            Self::Alibaba => admin.alibaba().delete_product("default", id).map(drop),
            Self::Huawei => admin.huawei().delete_product("default", id).map(drop),
        };
        removed.expect("a product to delete");
    }

    /// The account of somebody else at the same vendor, and its key in the place of ours.
    pub(crate) fn other_key(self, world: &World) -> Value {
        let admin = world.admin();
        match self {
            Self::Tencent => {
                admin.tencent().put_account(AccountConfig::new("other", "AKIDOTHER", "OTHERKEY"));
            }
            Self::Legacy => {
                let mut other = admin.tencent_legacy().account("legacy").unwrap();
                "other".clone_into(&mut other.name);
                other.keys = vec![Key::new("AKIDOTHER", "OTHERKEY")];
                admin.tencent_legacy().put_account(other);
            }
            Self::Alibaba => {
                let keys = vec![alibaba::Key::new("AKIDOTHER", "OTHERKEY")];
                let other = alibaba::AccountConfig { name: "other".to_owned(), keys, ..Default::default() };
                admin.alibaba().put_account(other);
            }
            Self::Huawei => {
                let other = huawei::AccountConfig::new("other", "AKIDOTHER", "OTHERKEY");
                admin.huawei().put_account(other);
            }
        }
        match self {
            Self::Tencent | Self::Legacy => json!({"secretId": "AKIDOTHER", "secretKey": "OTHERKEY"}),
            Self::Alibaba => json!({"accessKeyId": "AKIDOTHER", "accessKeySecret": "OTHERKEY"}),
            Self::Huawei => json!({"accessKey": "AKIDOTHER", "secretKey": "OTHERKEY"}),
        }
    }

    /// Keys of an output Secret, sorted, without the device host.
    pub(crate) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Legacy => &["productId", "productName", "region", "vendor"],
            Self::Tencent | Self::Alibaba => {
                &["productId", "productName", "productSecret", "region", "vendor"]
            }
            Self::Huawei => &["password", "productId", "productName", "region", "username", "vendor"],
        }
    }

    /// Makes a product that is nobody's here.
    pub(crate) fn foreign(self, world: &World) -> Shown {
        let (admin, name) = (world.admin(), "not-ours");
        match self {
            Self::Tencent => drop(
                admin
                    .tencent()
                    .create_product("default", iot_simulator::tencent::Product::named(name))
                    .unwrap(),
            ),
            Self::Legacy => drop(
                admin
                    .tencent_legacy()
                    .create_product("legacy", iot_simulator::tencent::Product::named(name))
                    .unwrap(),
            ),
            Self::Alibaba => {
                drop(admin.alibaba().create_product("default", alibaba::Product::named(name)).unwrap());
            }
            Self::Huawei => {
                drop(admin.huawei().create_product("default", huawei::Product::named(name)).unwrap());
            }
        }
        self.products(world).pop().unwrap()
    }

    /// The action that lists products, and how many a page has.
    pub(crate) fn list(self) -> (&'static str, usize) {
        match self {
            Self::Tencent => ("DescribeProducts", 250),
            Self::Legacy => ("ListProducts", 250),
            Self::Alibaba => ("QueryProductList", 200),
            Self::Huawei => ("ListProducts", 500),
        }
    }

    /// The actions that a full read of the contract's product takes; none where a list shows all of it.
    pub(crate) fn full_read(self) -> &'static [&'static str] {
        match self {
            Self::Tencent => &["DescribeProduct"],
            Self::Alibaba => &["QueryProduct", "ListProductTags"],
            Self::Legacy | Self::Huawei => &[],
        }
    }

    /// The contract's product under another name, in Kubernetes and at the vendor.
    pub(crate) fn another(self, contract: &Contract, name: &str) -> Value {
        let mut product = contract.product.clone();
        product["metadata"]["name"] = json!(name);
        product["spec"]["name"] = json!(name.replace('-', "_"));
        if self == Self::Huawei {
            product["spec"]["huawei"]["model"] = json!(format!("M.{name}"));
        }
        product
    }

    /// The calls per second that the documents give, or that are safe where they give none, and `percent` of
    /// them on top.
    pub(crate) fn quota(self, settings: &mut Settings, percent: u32) {
        let more = |per_second: u32| (per_second * (100 + percent)).div_ceil(100);
        settings.quota.per_second = more(match self {
            Self::Tencent | Self::Alibaba => 20,
            Self::Legacy => 5,
            Self::Huawei => 10,
        });
        if self == Self::Alibaba {
            for (action, per_second) in [("CreateProduct", 50), ("QueryProduct", 50), ("UpdateProduct", 10)] {
                settings.quota.actions.insert(action.to_owned(), more(per_second));
            }
        }
    }

    /// An operator, and the contract's account, which is good and not compared by the clock: that would be counted.
    pub(crate) async fn connect(self, world: &World) -> (Contract, Operator) {
        let mut contract = self.contract(world);
        contract.account["spec"]["resyncInterval"] = json!("0s");
        let operator = world.operator().await;
        world.apply(&contract.key).await;
        world.apply(&contract.account).await;
        let account = contract.account["metadata"]["name"].as_str().unwrap();
        world.object_until(Kind::Account, account, "Ready", PATIENCE, Object::is_available).await;
        (contract, operator)
    }

    /// The same with the contract's product, which is made.
    pub(crate) async fn made(self, world: &World) -> (Contract, Operator, Object, Shown) {
        let (contract, operator) = self.connect(world).await;
        world.apply(&contract.product).await;
        let (object, shown) =
            self.agreed(world, contract.product["metadata"]["name"].as_str().unwrap()).await;
        (contract, operator, object, shown)
    }

    /// Waits until a product is Ready and holds both sides against each other: the vendor has it under the
    /// recorded id with this object's mark, and the Secret has its values.
    pub(crate) async fn agreed(self, world: &World, name: &str) -> (Object, Shown) {
        let object = world.product_until(name, "Ready", PATIENCE * 2, Object::is_available).await;
        let products = self.products(world);
        let shown = products.iter().find(|product| object.id() == Some(&product.id));
        let shown = shown.unwrap_or_else(|| panic!("{} is none of {products:#?}", object.brief())).clone();
        let mark = mark(world.namespace().name(), name, object.uid());
        assert!(shown.description.ends_with(&mark), "{} has {mark}", shown.description);
        let secret = world.secret(object.text("/status/secretRef/name")).await;
        let (_, mut data) = secret.unwrap_or_else(|| panic!("the Secret in {}", object.brief()));
        // The device host is there when it is known.
        data.remove("endpoint");
        assert_eq!(data.keys().map(String::as_str).collect::<Vec<_>>(), self.keys());
        assert_eq!((&data["vendor"][..], &data["productId"]), (self.name(), &shown.id));
        assert_eq!(data["productName"], shown.name);
        let secret = data.get("productSecret").or(data.get("password"));
        assert_eq!(secret.map(String::as_str).unwrap_or_default(), shown.secret);
        (object, shown)
    }
}
