//! What an `IotProduct` may say. Rules sit at `spec` or below, where the API server does not hold them
//! against a stored object whose value there is unchanged; the few at the root do that by themselves.

mod alibaba;
mod huawei;
mod tencent;

use super::frozen::{FROZEN, Frozen};
use super::names;
use crate::api::rule::{Row, Rule};

/// Every rule of an `IotProduct`.
pub(crate) fn rules() -> Vec<Rule> {
    let names = ["spec.accountRef.name", "spec.secret.name", "spec.tencent.skeySecretRef.name"];
    let tables = [NEUTRAL, SECRET, tencent::RULES, alibaba::RULES, huawei::RULES];
    let mut rules: Vec<Rule> = tables.into_iter().flatten().map(Rule::of).collect();
    rules.extend(names.map(Rule::object_name));
    rules.extend([Rule::interval("spec.resyncInterval"), Rule::shortest_interval("spec.resyncInterval")]);
    rules.extend(names::ALL.iter().map(|names| names.rule()));
    rules.push(tencent::description());
    rules.extend(FROZEN.iter().map(Frozen::rule));
    rules
}

/// Rules about fields that more than one vendor has.
const NEUTRAL: &[Row] = &[
    (
        "spec.description",
        "",
        "!self.contains('[iotp:')",
        "spec.description must not contain '[iotp:': the operator writes its mark of ownership so; leave it out",
    ),
    (
        "spec.dynamicRegistration",
        "",
        "self.mode != 'AutoCreate' || has(self.limit)",
        "mode AutoCreate needs a limit: write dynamicRegistration.limit with the number of devices that may \
         register, 1 to 1000000",
    ),
    (
        "spec",
        "dynamicRegistration",
        "self.vendor == 'TencentCloud' || !has(self.dynamicRegistration)",
        "only TencentCloud can switch dynamic registration through its API: leave out spec.dynamicRegistration \
         (Alibaba: switch it in the console; TencentCloudLegacy: use vendor TencentCloud; Huawei has none)",
    ),
    (
        "spec",
        "enabled",
        "self.vendor == 'TencentCloud' || !has(self.enabled)",
        "only TencentCloud can disable a product through its API: leave out spec.enabled",
    ),
    (
        "spec",
        "productId",
        "!has(self.productId) || (self.vendor == 'HuaweiCloud' ? self.productId.matches('^[0-9]{1,17}$') : \
         self.productId.matches('^[A-Za-z0-9_-]{1,64}$'))",
        "spec.productId must be the id that the vendor's console shows: letters and digits, at Huawei digits \
         only; to create a product leave it out",
    ),
];

/// Rules about the output Secret.
const SECRET: &[Row] = &[
    (
        "spec.secret.labels",
        "",
        "self.all(k, k.matches('^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",
        "spec.secret.labels: a key must be a name such as team or example.com/team",
    ),
    (
        "spec.secret.labels",
        "",
        "!self.exists(k, k == 'app.kubernetes.io/managed-by' || k.startsWith('iot-products.io/'))",
        "spec.secret.labels: app.kubernetes.io/managed-by and iot-products.io/... are the operator's own; use \
         other keys",
    ),
    (
        "spec.secret.labels.*",
        "",
        "self.matches('^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$')",
        "spec.secret.labels: a value must be at most 63 letters, digits, '-', '_' and '.', such as blue_1; put \
         longer text into spec.secret.annotations",
    ),
    (
        "spec.secret.annotations",
        "",
        "self.all(k, k.matches('^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",
        "spec.secret.annotations: a key must be a name such as note or example.com/note",
    ),
    (
        "spec.secret.annotations",
        "",
        "!self.exists(k, k.startsWith('iot-products.io/'))",
        "spec.secret.annotations: iot-products.io/... are the operator's own; use other keys",
    ),
];
