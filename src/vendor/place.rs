//! Where an account's products are: two accounts of one place see the same products under the same ids.

use super::{alibaba, tencent, tencent_legacy};
use crate::api::{AccountSettings, Vendor};
use crate::http::Url;

/// Vendor, host, region, site, instance and project of an account, as text that is equal for equal places. The key is no
/// part of it. A host that is named as another name of the same service makes another place.
pub fn place(settings: &AccountSettings) -> String {
    let region = settings.region();
    let named = settings.endpoint.as_deref().and_then(|endpoint| endpoint.parse::<Url>().ok());
    let host = named.map_or_else(
        || match settings.vendor {
            Vendor::TencentCloud => tencent::host(settings.site()).to_owned(),
            Vendor::TencentCloudLegacy => tencent_legacy::HOST.to_owned(),
            Vendor::AlibabaCloud => alibaba::host(region),
            Vendor::HuaweiCloud => format!("roma.{region}.myhuaweicloud.com"),
        },
        |url| match (url.host_str(), url.port_or_known_default()) {
            (Some(host), None | Some(443)) => host.to_owned(),
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (None, _) => String::new(),
        },
    );
    let alibaba = settings.alibaba.as_ref().and_then(|alibaba| alibaba.instance_id.as_deref());
    let huawei = settings.huawei.as_ref();
    let parts = [
        settings.vendor.as_str(),
        &host,
        region,
        settings.site().as_str(),
        alibaba.unwrap_or_default(),
        huawei.map(|huawei| huawei.project_id.as_str()).unwrap_or_default(),
        huawei.map(|huawei| huawei.instance_id.as_str()).unwrap_or_default(),
    ];
    // No part can hold a line's end.
    parts.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn settings(change: impl FnOnce(&mut Value)) -> AccountSettings {
        let mut account = json!({"vendor": "HuaweiCloud", "region": "cn-north-4",
            "huawei": {"projectId": "p", "instanceId": "i"}});
        change(&mut account);
        serde_json::from_value(account).unwrap()
    }

    #[test]
    fn one_place_is_told_from_another_by_each_part_and_not_by_how_its_host_is_written() {
        let one = place(&settings(|_| {}));
        let named = |endpoint: &str| place(&settings(|account| account["endpoint"] = json!(endpoint)));
        assert_eq!(named("https://roma.cn-north-4.myhuaweicloud.com:443"), one);
        assert_eq!(named("https://ROMA.cn-north-4.myhuaweicloud.com/"), one);
        let others = [
            named("https://roma.example.com"),
            named("http://roma.cn-north-4.myhuaweicloud.com:8080"),
            place(&settings(|account| account["region"] = json!("cn-north-1"))),
            place(&settings(|account| account["huawei"]["projectId"] = json!("q"))),
            place(&settings(|account| account["huawei"]["instanceId"] = json!("j"))),
            place(&settings(|account| account["vendor"] = json!("TencentCloud"))),
        ];
        for other in others {
            assert_ne!(other, one);
        }
    }
}
