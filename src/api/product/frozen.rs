//! Fields that can not be changed once the product exists, and the transition rules that say so.

use super::Vendor::{self, AlibabaCloud, HuaweiCloud, TencentCloud, TencentCloudLegacy};
use crate::api::rule::Rule;

/// What a frozen field may also be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Nothing: it is no value of the vendor's, or the vendor never shows it.
    Nothing,
    /// What the vendor has, at this path below `status`.
    Status(&'static str),
    /// What the vendor has, at this path below `status`; when that is the given value, leaving the field
    /// out means the same.
    StatusOrAbsent(&'static str, &'static str),
}

/// A field that can not be changed once the product exists.
#[derive(Clone, Copy, Debug)]
pub struct Frozen {
    /// Path below `spec`.
    pub field: &'static str,
    /// The vendors whose products have it frozen.
    pub vendors: &'static [Vendor],
    /// What it may be set to all the same.
    pub accepts: Accepts,
}

const EVERY: &[Vendor] = Vendor::ALL;
const TENCENT: &[Vendor] = &[TencentCloud, TencentCloudLegacy];
const ALIBABA: &[Vendor] = &[AlibabaCloud];
const HUAWEI: &[Vendor] = &[HuaweiCloud];

/// Every frozen field (`docs/fields.md` is checked against it).
pub const FROZEN: &[Frozen] = &[
    frozen("vendor", EVERY, Accepts::Nothing),
    frozen("accountRef", EVERY, Accepts::Nothing),
    frozen("productId", EVERY, Accepts::Status("productId")),
    frozen("name", TENCENT, Accepts::Status("observed.name")),
    frozen("description", TENCENT, Accepts::Status("observed.description")),
    frozen("encryption", EVERY, Accepts::Status("observed.encryption")),
    frozen("nodeType", EVERY, Accepts::Status("observed.nodeType")),
    frozen("dataFormat", EVERY, Accepts::Status("observed.dataFormat")),
    frozen("tencent.productType", TENCENT, Accepts::Status("observed.tencent.productType")),
    frozen("tencent.modelId", &[TencentCloud], Accepts::Status("observed.tencent.modelId")),
    frozen("tencent.appEui", &[TencentCloud], Accepts::Status("observed.tencent.appEui")),
    frozen(
        "alibaba.aliyunCommodityCode",
        ALIBABA,
        Accepts::StatusOrAbsent("observed.alibaba.aliyunCommodityCode", "iothub"),
    ),
    frozen("alibaba.netType", ALIBABA, Accepts::Status("observed.alibaba.netType")),
    frozen("alibaba.protocolType", ALIBABA, Accepts::Status("observed.alibaba.protocolType")),
    frozen("alibaba.joinPermissionId", ALIBABA, Accepts::Nothing),
    frozen("alibaba.authType", ALIBABA, Accepts::Status("observed.alibaba.authType")),
    frozen("alibaba.id2", ALIBABA, Accepts::Status("observed.alibaba.id2")),
    frozen("alibaba.categoryKey", ALIBABA, Accepts::Status("observed.alibaba.categoryKey")),
    frozen("alibaba.publishAuto", ALIBABA, Accepts::Nothing),
    frozen("alibaba.validateType", ALIBABA, Accepts::Status("observed.alibaba.validateType")),
    frozen("alibaba.resourceGroupId", ALIBABA, Accepts::Nothing),
    frozen("huawei.appId", HUAWEI, Accepts::Status("observed.huawei.appId")),
    frozen("huawei.protocolType", HUAWEI, Accepts::Status("observed.huawei.protocolType")),
    frozen("huawei.templateId", HUAWEI, Accepts::Status("observed.huawei.templateId")),
];

const fn frozen(field: &'static str, vendors: &'static [Vendor], accepts: Accepts) -> Frozen {
    Frozen { field, vendors, accepts }
}

impl Frozen {
    /// The transition rule: active once `status.productId` is set, presence compared before value, because
    /// the short form refuses every write of an object that lacks the field.
    pub(crate) fn rule(&self) -> Rule {
        let has_new = has(&format!("self.spec.{}", self.field));
        let has_old = has(&format!("oldSelf.spec.{}", self.field));
        let field = self.field;
        let mut ways = vec!["!(has(oldSelf.status) && has(oldSelf.status.productId))".to_owned()];
        if self.vendors.len() < Vendor::ALL.len() && !field.contains('.') {
            let names: Vec<String> = self.vendors.iter().map(|vendor| format!("'{vendor}'")).collect();
            ways.push(format!("!(self.spec.vendor in [{}])", names.join(", ")));
        }
        ways.push(format!(
            "({has_new}) == ({has_old}) && (!({has_new}) || self.spec.{field} == oldSelf.spec.{field})"
        ));
        match self.accepts {
            Accepts::Nothing => {}
            Accepts::Status(path) => ways.push(equals_status(&has_new, field, path)),
            Accepts::StatusOrAbsent(path, absent) => {
                let path = format!("self.status.{path}");
                ways.push(format!("!({has_new}) && {} && {path} == '{absent}'", has(&path)));
                ways.push(equals_status(&has_new, field, path.trim_start_matches("self.status.")));
            }
        }
        let rule = ways.iter().map(|way| format!("({way})")).collect::<Vec<_>>().join(" || ");
        Rule::change(format!("spec.{field}"), rule, self.message())
    }

    fn message(&self) -> String {
        let field = self.field;
        match self.accepts {
            Accepts::Nothing => format!(
                "spec.{field} can not be changed once the product exists; set it back to what it was, or \
                 create another IotProduct"
            ),
            Accepts::Status(path) | Accepts::StatusOrAbsent(path, _) => format!(
                "spec.{field} can not be changed once the product exists; set it back to what it was or to \
                 the value in status.{path}, or create another IotProduct"
            ),
        }
    }
}

fn equals_status(has_new: &str, field: &str, path: &str) -> String {
    let path = format!("self.status.{path}");
    format!("{has_new} && {} && self.spec.{field} == {path}", has(&path))
}

/// `has()` of every step that may be absent: `self.spec.a.b` gives `has(self.spec.a) && has(self.spec.a.b)`.
fn has(path: &str) -> String {
    let steps: Vec<&str> = path.split('.').collect();
    // `self` and `spec` are always there, `status` is not.
    let first = if steps.get(1) == Some(&"spec") { 3 } else { 2 };
    let prefixes = (first..=steps.len()).filter_map(|n| steps.get(..n));
    prefixes.map(|steps| format!("has({})", steps.join("."))).collect::<Vec<_>>().join(" && ")
}
