//! What an account may say. Rules about values sit at `spec` or below, where the API server does not hold
//! them against a stored object whose value there is unchanged; rules about changes sit at the root.

use crate::api::rule::{Row, Rule};

/// Every rule that both kinds of account have.
pub(crate) fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = RULES.iter().map(Rule::of).collect();
    rules.push(Rule::object_name("spec.credentials.secretRef.name"));
    for interval in ["spec.resyncInterval", "spec.fullReadInterval"] {
        rules.extend([Rule::interval(interval), Rule::shortest_interval(interval)]);
    }
    rules.extend(["spec.endpoint", "spec.huawei.iamEndpoint"].map(endpoint));
    rules.extend(identity());
    rules
}

/// The rules that only a `ClusterIotAccount` has.
pub(crate) fn cluster_rules() -> Vec<Rule> {
    CLUSTER_RULES.iter().map(Rule::of).collect()
}

fn endpoint(at: &'static str) -> Rule {
    let message = format!(
        "{at} must be scheme, host and port only, without user, path and query: write it like \
         https://iot.example.com or https://10.0.0.7:8443"
    );
    let rule = "self.matches('^https?://([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[[][0-9A-Fa-f:.]+[]])(:[0-9]{1,5})?/?$')";
    Rule::value(at, "", rule, &message)
}

const RULES: &[Row] = &[
    (
        "spec",
        "region",
        "self.vendor in ['TencentCloud', 'TencentCloudLegacy'] || has(self.region)",
        "AlibabaCloud and HuaweiCloud need spec.region: write the region of the products, such as cn-shanghai \
         or cn-north-4",
    ),
    (
        "spec.region",
        "",
        "self.matches('^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$')",
        "spec.region must be the vendor's id of a region in lower case, such as ap-guangzhou, cn-shanghai or \
         cn-north-4",
    ),
    (
        "spec",
        "tencent",
        "self.vendor in ['TencentCloud', 'TencentCloudLegacy'] || !has(self.tencent)",
        "spec.tencent belongs to TencentCloud and TencentCloudLegacy: leave it out, or write one of them as \
         spec.vendor",
    ),
    (
        "spec",
        "tencent.site",
        "self.vendor != 'TencentCloudLegacy' || !has(self.tencent) || self.tencent.site == 'Domestic'",
        "TencentCloudLegacy exists at the Domestic site only: write site: Domestic, leave it out, or use vendor \
         TencentCloud",
    ),
    (
        "spec",
        "alibaba",
        "self.vendor == 'AlibabaCloud' || !has(self.alibaba)",
        "spec.alibaba belongs to AlibabaCloud: leave it out, or write vendor: AlibabaCloud",
    ),
    (
        "spec",
        "huawei",
        "self.vendor == 'HuaweiCloud' || !has(self.huawei)",
        "spec.huawei belongs to HuaweiCloud: leave it out, or write vendor: HuaweiCloud",
    ),
    (
        "spec",
        "huawei",
        "self.vendor != 'HuaweiCloud' || has(self.huawei)",
        "HuaweiCloud needs spec.huawei: write huawei with projectId and instanceId",
    ),
    (
        "spec.huawei.projectId",
        "",
        "self.matches('^[0-9A-Za-z-]+$')",
        "spec.huawei.projectId must be the id of the region's project, such as 397cd10b30544c588b2f4a56d83856c4",
    ),
    (
        "spec.huawei.instanceId",
        "",
        "self.matches('^[0-9A-Za-z-]+$')",
        "spec.huawei.instanceId must be the id of a ROMA Connect instance, such as \
         f3bb386a-23ec-47aa-9943-4c60ac658611",
    ),
    (
        "spec.limits.requestsPerSecond",
        "",
        "self.all(k, k == 'default' || k.matches('^[A-Z][A-Za-z0-9]{1,63}$'))",
        "spec.limits.requestsPerSecond: a key must be an action of the vendor's API, such as CreateProduct, or \
         default",
    ),
];

const CLUSTER_RULES: &[Row] = &[
    (
        "spec.credentials.secretRef.namespace",
        "",
        "self.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')",
        "spec.credentials.secretRef.namespace must be the name of a namespace: lower-case letters, digits and \
         '-', such as iot-keys",
    ),
    (
        "spec.allowedNamespaces.names.*",
        "",
        "self.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')",
        "spec.allowedNamespaces.names takes names of namespaces, without wildcards: write selector: {} to admit \
         all",
    ),
    (
        "spec.allowedNamespaces.selector",
        "",
        "!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['In', 'NotIn'] ? \
         (has(e.values) && e.values.size() > 0) : (e.operator in ['Exists', 'DoesNotExist'] && (!has(e.values) \
         || e.values.size() == 0)))",
        "spec.allowedNamespaces.selector: write operator In or NotIn with values, Exists or DoesNotExist \
         without",
    ),
];

/// Another place is another account (protocol, Terms: account identity fields). A default that is written
/// down is no other place.
fn identity() -> Vec<Rule> {
    let region = |of: &str| {
        format!(
            "(has({of}.spec.region) ? {of}.spec.region : {of}.spec.vendor == 'TencentCloud' ? 'ap-guangzhou' : \
             {of}.spec.vendor == 'TencentCloudLegacy' ? 'gz' : '')"
        )
    };
    let site = |of: &str| {
        format!(
            "(has({of}.spec.tencent) && has({of}.spec.tencent.site) ? {of}.spec.tencent.site : 'Domestic')"
        )
    };
    let optional = |of: &str, section: &str, field: &str| {
        let (section, field) = (format!("{of}.spec.{section}"), format!("{of}.spec.{section}.{field}"));
        format!("(has({section}) && has({field}) ? {field} : '')")
    };
    let vendor = |of: &str| format!("{of}.spec.vendor");
    vec![
        fixed("vendor", vendor),
        fixed("region", region),
        fixed("tencent.site", site),
        fixed("alibaba.instanceId", |of| optional(of, "alibaba", "instanceId")),
        fixed("huawei.projectId", |of| optional(of, "huawei", "projectId")),
        fixed("huawei.instanceId", |of| optional(of, "huawei", "instanceId")),
    ]
}

fn fixed(field: &str, value: impl Fn(&str) -> String) -> Rule {
    Rule::change(
        format!("spec.{field}"),
        format!("{} == {}", value("self"), value("oldSelf")),
        format!(
            "spec.{field} can not be changed, another place is another account: create another one for it"
        ),
    )
}
