//! What Tencent takes.

use crate::api::rule::{Row, Rule};

/// A rule that sees `status`: Tencent's console accepts descriptions that its API does not. One that was set there may
/// be accepted in the manifest, since the operator can not change it.
pub(crate) fn description() -> Rule {
    Rule::rooted(
        "spec.description",
        "!(self.spec.vendor in ['TencentCloud', 'TencentCloudLegacy']) || !has(self.spec.description) || \
         self.spec.description.size() <= 450 || (oldSelf.hasValue() && has(oldSelf.value().spec.description) && \
         oldSelf.value().spec.description == self.spec.description) || (has(self.status) && \
         has(self.status.observed) && has(self.status.observed.description) && \
         self.status.observed.description == self.spec.description)",
        "Tencent holds 500 characters of description and the operator's mark needs room: shorten \
         spec.description to 450 characters",
    )
}

/// Rules about the value alone.
pub(super) const RULES: &[Row] = &[
    (
        "spec",
        "tencent",
        "self.vendor in ['TencentCloud', 'TencentCloudLegacy'] || !has(self.tencent)",
        "spec.tencent belongs to TencentCloud and TencentCloudLegacy: leave it out, or write one of them as \
         spec.vendor",
    ),
    (
        "spec",
        "dataFormat",
        "self.vendor != 'TencentCloudLegacy' || !has(self.dataFormat) || self.dataFormat == 'JSON'",
        "TencentCloudLegacy creates products with JSON only: write dataFormat: JSON, leave it out, or use \
         vendor TencentCloud",
    ),
    (
        "spec",
        "nodeType",
        "self.vendor != 'TencentCloudLegacy' || !has(self.nodeType) || self.nodeType == 'Device'",
        "TencentCloudLegacy can not create gateways: write nodeType: Device, leave it out, or use vendor \
         TencentCloud",
    ),
    (
        "spec",
        "tencent",
        "self.vendor != 'TencentCloudLegacy' || !has(self.tencent) || ((!has(self.tencent.productType) || \
         self.tencent.productType in ['Normal', 'NBIoT']) && !has(self.tencent.modelId) && \
         !has(self.tencent.appEui) && !has(self.tencent.skeySecretRef) && !has(self.tencent.privateCaName))",
        "TencentCloudLegacy knows only productType Normal and NBIoT of spec.tencent: take out the rest, or use \
         vendor TencentCloud",
    ),
    (
        "spec",
        "tencent.productType",
        "!has(self.nodeType) || !has(self.tencent) || !has(self.tencent.productType) || (self.nodeType == \
         'Gateway') == (self.tencent.productType in ['Gateway', 'LoRaGateway'])",
        "spec.tencent.productType must agree with spec.nodeType: Normal, NBIoT or LoRa with Device, Gateway or \
         LoRaGateway with Gateway; one of the two may be left out",
    ),
    (
        "spec",
        "tencent.privateCaName",
        "!has(self.tencent) || !has(self.tencent.privateCaName) || !has(self.encryption) || self.encryption == \
         'Asymmetric'",
        "spec.tencent.privateCaName needs certificates: write encryption: Asymmetric, or leave out \
         privateCaName",
    ),
    (
        "spec.tencent.appEui",
        "",
        "self.matches('^[0-9A-Fa-f]{16}$')",
        "spec.tencent.appEui must be 16 hex digits, such as 70B3D57ED0000001",
    ),
    (
        "spec.tencent",
        "appEui",
        "!has(self.appEui) || (has(self.productType) && self.productType in ['LoRa', 'LoRaGateway'])",
        "spec.tencent.appEui belongs to LoRa: write productType: LoRa or LoRaGateway, or leave out appEui",
    ),
    (
        "spec.tencent",
        "skeySecretRef",
        "!has(self.skeySecretRef) || (has(self.productType) && self.productType in ['LoRa', 'LoRaGateway'])",
        "spec.tencent.skeySecretRef belongs to LoRa: write productType: LoRa or LoRaGateway, or leave out \
         skeySecretRef",
    ),
    (
        "spec.tencent.skeySecretRef.key",
        "",
        "self.matches('^[-._a-zA-Z0-9]+$')",
        "spec.tencent.skeySecretRef.key must be a key of the Secret: letters, digits, '-', '_' and '.', such as \
         skey",
    ),
];
