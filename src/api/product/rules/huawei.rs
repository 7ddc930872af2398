//! What Huawei takes.

use crate::api::rule::Row;

/// Rules about the value alone.
pub(super) const RULES: &[Row] = &[
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
        "HuaweiCloud needs spec.huawei: write huawei with appId, manufacturerId, manufacturerName, model and \
         protocolType",
    ),
    (
        "spec",
        "description",
        "self.vendor != 'HuaweiCloud' || !has(self.description) || self.description.size() <= 170",
        "Huawei holds 200 characters of description and the operator's mark needs room: shorten \
         spec.description to 170 characters",
    ),
    (
        "spec",
        "encryption",
        "self.vendor != 'HuaweiCloud' || !has(self.encryption) || self.encryption == 'Symmetric'",
        "Huawei's devices use user name and password: write encryption: Symmetric, or leave it out",
    ),
    (
        "spec.huawei.appId",
        "",
        "self.matches('^[0-9A-Za-z-]+$')",
        "spec.huawei.appId must be the id of an integration application, such as \
         a1503e51-46f7-4d23-8617-7cb2d28dde98",
    ),
    (
        "spec.huawei.manufacturerId",
        "",
        "self.matches('^[A-Za-z0-9_-]{2,50}$')",
        "spec.huawei.manufacturerId takes 2 to 50 letters, digits, '_' and '-': write '_' for other characters, \
         such as acme_01",
    ),
    (
        "spec.huawei.model",
        "",
        "self.matches('^[A-Za-z0-9_.-][A-Za-z0-9_. -]{0,48}[A-Za-z0-9_.-]$')",
        "spec.huawei.model takes 2 to 50 letters, digits, '_', '-', '.' and inner spaces: write '_' for other \
         characters, and no space at either end, such as PLC.100 v2",
    ),
    (
        "spec.huawei.templateId",
        "",
        "self <= 99999999999999999",
        "spec.huawei.templateId must be the number of a product template, at most 17 digits",
    ),
    (
        "spec.huawei.userName",
        "",
        "self.matches('^[A-Za-z0-9-]{10,50}$')",
        "spec.huawei.userName takes 10 to 50 letters, digits and '-': write '-' for other characters, such as \
         plc-gateway-01",
    ),
];
