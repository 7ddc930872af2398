//! What is done to everybody.

use std::time::Duration;

use fastrand::Rng;
use iot_simulator::{Fault, Garbage, QuotaMode, Rule};
use iot_test_harness::Program;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::cast::{Cast, End};
use crate::manifest::Contract;
use crate::object::Kind;
use crate::side::Side;

/// One deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Edit,
    Delete,
    ApplyAgain,
    EditAtTheVendor,
    DeleteAtTheVendor,
    DamageSecret,
    DeleteSecret,
    KillOperator,
    FreezeOperator,
    StopApiServer,
    StopEtcd,
    FreezeEtcd,
    VendorOutage,
    ThrottlingStorm,
    ListLag,
    TroubledCalls,
    RotateKey,
}

/// Each as often as it stands here.
const DEEDS: &[(Deed, u32)] = &[
    (Deed::Edit, 12),
    (Deed::Delete, 8),
    (Deed::ApplyAgain, 10),
    (Deed::EditAtTheVendor, 6),
    (Deed::DeleteAtTheVendor, 1),
    (Deed::DamageSecret, 3),
    (Deed::DeleteSecret, 3),
    (Deed::KillOperator, 4),
    (Deed::FreezeOperator, 2),
    (Deed::StopApiServer, 1),
    (Deed::StopEtcd, 1),
    (Deed::FreezeEtcd, 1),
    (Deed::VendorOutage, 2),
    (Deed::ThrottlingStorm, 2),
    (Deed::ListLag, 2),
    (Deed::TroubledCalls, 10),
    (Deed::RotateKey, 1),
];

impl Deed {
    /// Any, by weight.
    pub(super) fn any(random: &mut Rng) -> Self {
        let mut drawn = random.u32(..DEEDS.iter().map(|(_, weight)| weight).sum::<u32>());
        for (deed, weight) in DEEDS {
            if drawn < *weight {
                return *deed;
            }
            drawn -= weight;
        }
        Self::Edit
    }
}

impl Cast<'_> {
    /// Does it, if it can be done now.
    pub(super) async fn commit(&mut self, deed: Deed, random: &mut Rng) {
        let number = random.usize(..self.items.len());
        let needs_api = !matches!(
            deed,
            Deed::KillOperator
                | Deed::FreezeOperator
                | Deed::VendorOutage
                | Deed::ThrottlingStorm
                | Deed::ListLag
                | Deed::TroubledCalls
                | Deed::EditAtTheVendor
        );
        if needs_api && self.is_control_plane_away() {
            return;
        }
        let done = match deed {
            Deed::Edit => self.edit(number, random).await,
            Deed::Delete => {
                self.items[number].wanted = false;
                self.delete(number).await.is_ok()
            }
            Deed::ApplyAgain => self.apply_again(random).await,
            Deed::EditAtTheVendor => self.edit_at_the_vendor(number, random),
            Deed::DeleteAtTheVendor => self.delete_at_the_vendor(number),
            Deed::DamageSecret | Deed::DeleteSecret => self.hit_secret(number, deed).await,
            Deed::RotateKey => self.rotate_key(random).await,
            _ => self.trouble(deed, random),
        };
        if done {
            *self.done.entry(format!("{deed:?}")).or_default() += 1;
        }
    }

    async fn patch(&self, kind: Kind, name: &str, patch: Value) -> bool {
        self.world.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.is_ok()
    }

    async fn edit(&self, number: usize, random: &mut Rng) -> bool {
        let item = &self.items[number];
        let any = random.u32(1..9000);
        let spec = match item.side {
            Side::Tencent => json!({"dynamicRegistration": {"limit": any}}),
            Side::Legacy => json!({"secret": {"labels": {"edited": format!("n{any}")}}}),
            Side::Alibaba | Side::Huawei => json!({"description": format!("edited {any}")}),
        };
        self.patch(Kind::Product, &item.name, json!({ "spec": spec })).await
    }

    async fn apply_again(&mut self, random: &mut Rng) -> bool {
        let unwanted: Vec<usize> =
            (0..self.items.len()).filter(|number| !self.items[*number].wanted).collect();
        let Some(number) = random.choice(unwanted) else { return false };
        let name = self.items[number].name.clone();
        // Applied to an object that is being deleted it would only be an edit.
        if !matches!(self.world.api(Kind::Product).get_opt(&name).await, Ok(None)) {
            return false;
        }
        self.items[number].wanted = true;
        self.apply(number).await.is_ok()
    }

    fn edit_at_the_vendor(&self, number: usize, random: &mut Rng) -> bool {
        let item = &self.items[number];
        let Some(shown) = self.shown(number) else { return false };
        let admin = self.world.admin();
        match item.side {
            Side::Tencent => admin
                .tencent()
                .edit_product("default", &shown.id, |product| product.register_type = random.u8(..3).into())
                .is_ok(),
            Side::Alibaba => admin
                .alibaba()
                .edit_product("default", &shown.id, |product| product.product_name += "_x")
                .is_ok(),
            Side::Huawei => {
                admin.huawei().edit_product("default", &shown.id, |product| product.name += "_x").is_ok()
            }
            Side::Legacy => false,
        }
    }

    /// Never more than one of an account at a time: many at once are not believed to be lost.
    fn delete_at_the_vendor(&self, number: usize) -> bool {
        let Some(shown) = self.shown(number) else { return false };
        let admin = self.world.admin();
        match self.items[number].side {
            Side::Tencent => admin.tencent().delete_product("default", &shown.id).is_ok(),
            Side::Legacy => admin.tencent_legacy().delete_product("legacy", &shown.id).is_ok(),
            Side::Alibaba => admin.alibaba().delete_product("default", &shown.id).is_ok(),
            Side::Huawei => admin.huawei().delete_product("default", &shown.id).is_ok(),
        }
    }

    /// Not at Huawei, where the Secret is the only copy and only a human can tell what was in it.
    async fn hit_secret(&self, number: usize, deed: Deed) -> bool {
        let item = &self.items[number];
        if item.side == Side::Huawei {
            return false;
        }
        let name = format!("{}-credentials", item.name);
        if deed == Deed::DeleteSecret {
            return self
                .world
                .api(Kind::Secret)
                .delete(&name, &kube::api::DeleteParams::default())
                .await
                .is_ok();
        }
        self.patch(Kind::Secret, &name, json!({"data": {"productId": "ZGFtYWdlZA=="}})).await
    }

    /// A new key in the Secret, and the old one taken away at the vendor.
    async fn rotate_key(&mut self, random: &mut Rng) -> bool {
        self.keys += 1;
        let (id, secret) = (format!("AKROTATED{}", self.keys), format!("SKROTATED{}", self.keys));
        let admin = self.world.admin();
        let (side, data) = match random.u8(..3) {
            0 => {
                let key = iot_simulator::tencent::Key {
                    secret_id: id.clone(),
                    secret_key: secret.clone(),
                    token: None,
                };
                // Both of Tencent's accounts use it.
                admin.tencent().set_keys("default", vec![key.clone()]).unwrap();
                admin.tencent_legacy().set_keys("legacy", vec![key]).unwrap();
                (Side::Tencent, json!({"secretId": id, "secretKey": secret}))
            }
            1 => {
                let key = iot_simulator::alibaba::Key {
                    access_key_id: id.clone(),
                    access_key_secret: secret.clone(),
                    security_token: None,
                    inactive: false,
                };
                admin.alibaba().set_keys("default", vec![key]).unwrap();
                (Side::Alibaba, json!({"accessKeyId": id, "accessKeySecret": secret}))
            }
            _ => {
                let key = iot_simulator::huawei::Key {
                    access_key: id.clone(),
                    secret_key: secret.clone(),
                    security_token: None,
                };
                admin.huawei().set_keys("default", vec![key]).unwrap();
                (Side::Huawei, json!({"accessKey": id, "secretKey": secret}))
            }
        };
        let Contract { key, .. } = &self.contracts[side.name()];
        let name = key["metadata"]["name"].as_str().unwrap().to_owned();
        let patch = json!({ "stringData": data });
        crate::world::until("the new key to be taken", crate::world::PATIENCE, async || {
            if self.patch(Kind::Secret, &name, patch.clone()).await { Ok(()) } else { Err(name.clone()) }
        })
        .await;
        true
    }

    fn trouble(&mut self, deed: Deed, random: &mut Rng) -> bool {
        let span = Duration::from_millis(random.u64(500..6000));
        let plane = self.world.plane();
        let admin = self.world.admin();
        let operator = random.usize(..self.operators.len());
        let end = match deed {
            Deed::KillOperator | Deed::FreezeOperator if self.operators[operator].ended().is_some() => {
                return false;
            }
            Deed::KillOperator => {
                self.operators[operator].crash();
                return true;
            }
            Deed::FreezeOperator if !self.pending.iter().any(|(_, end)| *end == End::Thaw(operator)) => {
                self.operators[operator].freeze();
                self.later(span * 2, End::Thaw(operator));
                return true;
            }
            Deed::StopApiServer => {
                plane.stop(Program::Apiserver).expect("it stops");
                End::Start(Program::Apiserver)
            }
            Deed::StopEtcd => {
                plane.stop(Program::Etcd).expect("it stops");
                End::Start(Program::Etcd)
            }
            Deed::FreezeEtcd => {
                plane.pause(Program::Etcd).expect("it freezes");
                End::Resume(Program::Etcd)
            }
            Deed::VendorOutage => {
                let fault = if random.bool() { Fault::status_before(503) } else { Fault::hang() };
                admin.add_fault(Rule::any(fault));
                End::VendorIsWell
            }
            Deed::ThrottlingStorm => {
                admin.edit_settings(|settings| {
                    settings.quota = iot_simulator::Quota {
                        mode: QuotaMode::Sliding,
                        per_second: 1,
                        ..Default::default()
                    };
                });
                End::VendorIsWell
            }
            Deed::ListLag => {
                admin.edit_settings(|settings| settings.list_lag_ms = 3000);
                End::VendorIsWell
            }
            Deed::TroubledCalls => {
                admin.add_fault(troubled(random));
                return true;
            }
            _ => return false,
        };
        self.later(span, end);
        true
    }
}

/// The next calls of some action go wrong, with and without their effect.
fn troubled(random: &mut Rng) -> Rule {
    let fault = match random.u8(..8) {
        0 => Fault::drop_before(),
        1 => Fault::drop_after(),
        2 => Fault::status_before(500),
        3 => Fault::status_after(502),
        4 => Fault::late(random.u64(100..5000)),
        5 => Fault::hang(),
        6 => Fault::garbage(Garbage::TruncatedJson),
        _ => Fault::garbage(Garbage::Empty),
    };
    let rule = match random.u8(..4) {
        0 => Rule::on("CreateProduct", fault),
        1 => Rule::on("DeleteProduct", fault),
        2 => Rule::on("ResetProductAuthentication", fault),
        _ => Rule::any(fault),
    };
    rule.times(random.u64(1..4))
}
