//! What Alibaba takes.

use crate::api::rule::Row;

/// Rules about the value alone.
pub(super) const RULES: &[Row] = &[
    (
        "spec",
        "alibaba",
        "self.vendor == 'AlibabaCloud' || !has(self.alibaba)",
        "spec.alibaba belongs to AlibabaCloud: leave it out, or write vendor: AlibabaCloud",
    ),
    (
        "spec",
        "description",
        "self.vendor != 'AlibabaCloud' || !has(self.description) || self.description.size() <= 71",
        "Alibaba holds 100 characters of description and the operator's mark needs room: shorten \
         spec.description to 71 characters",
    ),
    (
        "spec",
        "dataFormat",
        "self.vendor != 'AlibabaCloud' || !has(self.dataFormat) || self.dataFormat == 'JSON' || \
         (has(self.alibaba) && (has(self.alibaba.aliyunCommodityCode) || (has(self.alibaba.authType) && \
         self.alibaba.authType == 'one-party')))",
        "Alibaba's Basic edition knows JSON only: write dataFormat: JSON, leave it out, or write \
         alibaba.aliyunCommodityCode: iothub_senior",
    ),
    (
        "spec",
        "alibaba.authType",
        "!has(self.encryption) || !has(self.alibaba) || !has(self.alibaba.authType) || (self.encryption == \
         'Asymmetric') == (self.alibaba.authType == 'x509')",
        "spec.alibaba.authType must agree with spec.encryption: x509 with Asymmetric, secret, id2 or one-party \
         with Symmetric; one of the two may be left out",
    ),
    (
        "spec",
        "alibaba.protocolType",
        "!has(self.nodeType) || self.nodeType == 'Device' || !has(self.alibaba) || \
         !has(self.alibaba.protocolType)",
        "spec.alibaba.protocolType is for sub-devices behind a gateway: write nodeType: Device, or leave out \
         protocolType",
    ),
    (
        "spec.alibaba",
        "joinPermissionId",
        "!has(self.netType) || self.netType != 'LORA' || has(self.joinPermissionId)",
        "netType LORA needs spec.alibaba.joinPermissionId: write the id of your LoRa join permission",
    ),
    (
        "spec.alibaba",
        "joinPermissionId",
        "!has(self.joinPermissionId) || (has(self.netType) && self.netType == 'LORA')",
        "spec.alibaba.joinPermissionId belongs to netType LORA: leave it out, or write netType: LORA",
    ),
    (
        "spec.alibaba",
        "id2",
        "!has(self.id2) || !has(self.authType) || self.id2 == (self.authType == 'id2')",
        "spec.alibaba.id2 must agree with spec.alibaba.authType: leave out id2, or write true with authType id2 \
         and false with any other",
    ),
    (
        "spec",
        "alibaba.id2",
        "!has(self.alibaba) || !has(self.alibaba.id2) || !self.alibaba.id2 || !has(self.encryption) || \
         self.encryption == 'Symmetric'",
        "spec.alibaba.id2 needs encryption: Symmetric; write that, or leave out id2",
    ),
    (
        "spec.alibaba",
        "netType",
        "!has(self.netType) || self.netType != 'LORA' || ((!has(self.id2) || !self.id2) && (!has(self.authType) \
         || !(self.authType in ['id2', 'one-party'])))",
        "netType LORA goes with authType secret or x509 only: write one of these, or another netType",
    ),
    (
        "spec",
        "alibaba.authType",
        "!has(self.alibaba) || !has(self.alibaba.authType) || self.alibaba.authType != 'one-party' || \
         (!has(self.alibaba.aliyunCommodityCode) && (!has(self.nodeType) || self.nodeType == 'Device') && \
         (!has(self.dataFormat) || self.dataFormat == 'Custom'))",
        "authType one-party belongs to instances of the MQTT type: leave out aliyunCommodityCode, and write \
         nodeType: Device and dataFormat: Custom or leave them out",
    ),
    (
        "spec.alibaba.tags",
        "",
        "self.all(k, k.matches('^[A-Za-z0-9.]{1,30}$'))",
        "spec.alibaba.tags: a key takes 1 to 30 letters, digits and '.'; write '.' for '-', '_' and '/', such \
         as cost.center",
    ),
    (
        "spec.alibaba.tags.*",
        "",
        r"self.matches('^[\\p{Han}A-Za-z0-9_-]+$') && self.size() + self.findAll('[\\p{Han}]').size() <= 128",
        "spec.alibaba.tags: a value takes 1 to 128 letters, digits, '_', '-' and Chinese characters, where a \
         Chinese one counts 2; write '_' for other characters",
    ),
];
