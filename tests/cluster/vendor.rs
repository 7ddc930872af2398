//! The vendor's side of a world, and what must agree on both sides.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::digest;
use iot_simulator::tencent::Product;
use iot_simulator::{Call, CallState, TencentAdmin};

use crate::manifest::{Contract, TENCENT_ACCOUNT};
use crate::object::{Kind, Object};
use crate::world::{OWNER, PATIENCE, World, until};

/// The simulator's account.
pub(crate) const ACCOUNT: &str = "default";
pub(crate) const CREATE: &str = "CreateProduct";
pub(crate) const READ: &str = "DescribeProduct";
pub(crate) const LIST: &str = "DescribeProducts";
pub(crate) const DELETE: &str = "DeleteProduct";
pub(crate) const DEVICES: &str = "DescribeDevices";
pub(crate) const REGISTRATION: &str = "UpdateProductDynamicRegister";
pub(crate) const FORBID: &str = "SetProductsForbiddenStatus";

/// What an operator of this owner writes behind the description.
pub(crate) fn mark(namespace: &str, name: &str, uid: &str) -> String {
    let hash = digest::digest(&digest::SHA256, format!("{OWNER}\0{namespace}\0{name}").as_bytes());
    format!(" [iotp:{}.{}]", &hex::encode(hash)[..12], &uid[..8])
}

impl World {
    pub(crate) fn tencent(&self) -> TencentAdmin {
        self.admin().tencent()
    }

    pub(crate) fn products(&self) -> Vec<Product> {
        self.tencent().products(ACCOUNT).expect("the vendor's products")
    }

    /// The vendor's only product.
    pub(crate) fn only_product(&self) -> Product {
        let products = self.products();
        let [product] = products.as_slice() else { panic!("one product, not {products:#?}") };
        product.clone()
    }

    /// Changes a product behind the operator's back.
    pub(crate) fn behind_the_back(&self, id: &str, edit: impl FnOnce(&mut Product)) {
        self.tencent().edit_product(ACCOUNT, id, edit).expect("a product to edit");
    }

    /// Number of the next vendor call: a mark for [`World::calls_since`].
    pub(crate) fn call_mark(&self) -> u64 {
        self.admin().next_sequence()
    }

    /// Vendor calls since a mark, by action, decided or not.
    pub(crate) fn calls_since(&self, mark: u64) -> BTreeMap<String, usize> {
        let mut calls = BTreeMap::new();
        for call in self.admin().calls_since(mark) {
            *calls.entry(call.action).or_default() += 1;
        }
        calls
    }

    /// All calls of one action.
    pub(crate) fn calls(&self, action: &str) -> Vec<Call> {
        self.admin().calls().into_iter().filter(|call| call.action == action).collect()
    }

    /// How many creates had their effect.
    pub(crate) fn created(&self) -> usize {
        self.calls(CREATE).iter().filter(|call| call.applied).count()
    }

    /// Waits until a call of the action is held or hangs.
    pub(crate) async fn held(&self, action: &str) -> Call {
        self.admin().wait_held(action, PATIENCE).await.expect("a held call")
    }

    /// Lets a held call's answer go and waits until it is on its way.
    pub(crate) async fn release(&self, call: &Call) {
        assert!(self.admin().release(call.sequence), "{call:?} is held");
        self.calls_until("the held answer to go", PATIENCE, |calls| {
            calls.iter().any(|other| other.sequence == call.sequence && other.state == CallState::Answered)
        })
        .await;
    }

    /// Waits until the vendor has noticed that the caller of a held call is gone.
    pub(crate) async fn left(&self, call: &Call) {
        self.calls_until("the caller to be gone", PATIENCE, |calls| {
            calls.iter().any(|other| other.sequence == call.sequence && other.state == CallState::Left)
        })
        .await;
    }

    /// Waits until the call log is as described.
    pub(crate) async fn calls_until(&self, what: &str, limit: Duration, is: impl Fn(&[Call]) -> bool) {
        let found = self.admin().wait_for(what, limit, |admin| is(&admin.calls()).then_some(())).await;
        found.unwrap_or_else(|error| panic!("{error}; {:?}", self.calls_since(0)));
    }

    /// Waits until a create was decided, whatever its caller got to see.
    pub(crate) async fn create_tried(&self) {
        self.calls_until("a create", PATIENCE, |calls| {
            calls.iter().any(|call| call.action == CREATE && call.code.is_some())
        })
        .await;
    }

    /// Waits until the vendor's side is as described.
    pub(crate) async fn vendor_until(&self, what: &str, is: impl Fn(&[Product]) -> bool) {
        until(what, PATIENCE, async || {
            let products = self.products();
            if is(&products) { Ok(()) } else { Err(format!("{products:?}")) }
        })
        .await;
    }

    /// Applies key and account, and waits until the account is looked at and good.
    pub(crate) async fn connect(&self, contract: &Contract) {
        self.apply(&contract.key).await;
        self.apply(&contract.account).await;
        self.object_until(Kind::Account, TENCENT_ACCOUNT, "Ready", PATIENCE, Object::is_available).await;
    }

    /// Waits until a product is Ready, and holds both sides against each other.
    pub(crate) async fn ready(&self, name: &str) -> (Object, Product) {
        let object = self.product_until(name, "Ready", PATIENCE * 2, Object::is_available).await;
        let product = self.agreed(&object).await;
        (object, product)
    }

    /// What holds of every Ready product: the vendor has it under the recorded id with this object's mark,
    /// and the Secret has its values.
    pub(crate) async fn agreed(&self, object: &Object) -> Product {
        let id = object.id().unwrap_or_else(|| panic!("a Ready product has an id: {}", object.brief()));
        let product = self.tencent().product(ACCOUNT, id).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(object.reason(), "Available");
        assert!(!object.is("Stalled") && !object.is("Reconciling"), "{}", object.brief());
        assert_eq!(object.finalizers(), ["iot-products.io/product"]);
        assert_eq!(object.text("/status/productName"), product.product_name);
        let (secret, data) = self
            .secret(object.text("/status/secretRef/name"))
            .await
            .unwrap_or_else(|| panic!("the Secret in {}", object.brief()));
        assert_eq!(secret.type_.as_deref(), Some("iot-products.io/product-credentials"));
        let owner = secret.metadata.labels.unwrap_or_default().remove("iot-products.io/owner-uid");
        assert_eq!(owner.as_deref(), Some(object.uid()));
        assert_eq!(secret.metadata.owner_references, None, "foreground deletion would collect it early");
        let mut expected = BTreeMap::from([
            ("vendor", "TencentCloud"),
            ("productId", id),
            ("productName", product.product_name.as_str()),
            ("region", "ap-guangzhou"),
        ]);
        if !product.product_secret.is_empty() {
            assert!(!object.0.to_string().contains(&product.product_secret), "{}", object.brief());
            expected.insert("productSecret", &product.product_secret);
        }
        let mut data: BTreeMap<&str, &str> =
            data.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        // The device host is there when it is known.
        data.remove("endpoint");
        assert_eq!(data, expected);
        product
    }

    /// After whatever went wrong: one product, found or created once, Ready, the Secret right.
    pub(crate) async fn one_ready_product(&self, name: &str) -> (Object, Product) {
        let (object, product) = self.ready(name).await;
        assert_eq!(self.only_product(), product);
        assert_eq!(self.created(), 1, "creates that had their effect: {:?}", self.calls(CREATE));
        let mark = mark(self.namespace().name(), name, object.uid());
        assert!(product.product_description.ends_with(&mark), "{} has {mark}", product.product_description);
        (object, product)
    }
}
