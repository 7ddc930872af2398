use serde_json::{Value, json};

use super::*;
use crate::http::carrier::Internet;
use crate::http::fence::Always;

fn settings(account: Value) -> AccountSettings {
    serde_json::from_value(account).unwrap()
}

fn huawei(authentication: &str, iam: &str) -> AccountSettings {
    settings(json!({"vendor": "HuaweiCloud", "region": "cn-north-4", "huawei": {
        "projectId": "p1", "instanceId": "i1", "authentication": authentication, "iamEndpoint": iam}}))
}

fn connect(settings: &AccountSettings, keys: &[(&str, &str)]) -> Result<Connection, ConnectionError> {
    connect_within(settings, keys, &SharedBudget::default())
}

fn connect_within(
    settings: &AccountSettings,
    keys: &[(&str, &str)],
    budget: &SharedBudget,
) -> Result<Connection, ConnectionError> {
    let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), SecretString::from(*value))).collect();
    Connection::new(settings, &keys, None, &surroundings(), budget)
}

fn surroundings() -> Surroundings {
    // The first test to come installs it; the others find it installed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Surroundings {
        endpoints: Arc::new(AllowedEndpoints::parse(&[]).unwrap()),
        fence: Arc::new(Always),
        network: Arc::new(Internet),
        metrics: Metrics::new(),
        refusals: Arc::default(),
        memory: Arc::default(),
        forbid_unsafe_limits: false,
        tenant: Arc::from(""),
    }
}

const KEY: &[(&str, &str)] = &[("accessKey", "AK"), ("secretKey", "SK")];
const USER: &[(&str, &str)] = &[("domainName", "acme"), ("userName", "robot"), ("password", "pw")];
const IAM: &str = "https://iam.cn-north-4.myhuaweicloud.com";

#[test]
fn huawei_takes_a_key_or_a_user_and_tells_what_is_missing() {
    let (by_key, by_user) = (huawei("AccessKey", IAM), huawei("Password", IAM));
    let key = connect(&by_key, KEY).unwrap();
    let user = connect(&by_user, USER).unwrap();
    assert!(key.traits().sets_password && key.vendor == Vendor::HuaweiCloud);
    assert_ne!(key.fingerprint, user.fingerprint);
    for (settings, keys) in [(&by_key, KEY), (&by_user, USER)] {
        for (missing, _) in keys {
            let rest: Vec<_> = keys.iter().copied().filter(|(key, _)| key != missing).collect();
            let error = connect(settings, &rest).err().unwrap();
            assert!(matches!(error, ConnectionError::MissingKey(key) if key == *missing), "{error}");
        }
    }
    let bare = settings(json!({"vendor": "HuaweiCloud", "region": "cn-north-4"}));
    assert!(matches!(connect(&bare, KEY), Err(ConnectionError::NoSection("huawei"))));
}

#[test]
fn a_password_goes_to_allowed_hosts_only() {
    for iam in ["https://iam.example.com", "http://iam.cn-north-4.myhuaweicloud.com", "https://127.0.0.1"] {
        let error = connect(&huawei("Password", iam), USER).err().unwrap();
        assert!(matches!(&error, ConnectionError::Endpoint { endpoint, .. } if endpoint == iam), "{error}");
    }
    let error = connect(&huawei("Password", "iam"), USER).err().unwrap();
    assert!(matches!(error, ConnectionError::NoUrl(_)), "{error}");
}

fn at(vendor: &str, endpoint: &str) -> Result<Connection, ConnectionError> {
    let mut account = json!({"vendor": vendor, "endpoint": endpoint, "region": "cn-north-4"});
    let keys: &[(&str, &str)] = match vendor {
        "HuaweiCloud" => {
            account["huawei"] = json!({"projectId": "p1", "instanceId": "i1"});
            KEY
        }
        "AlibabaCloud" => &[("accessKeyId", "id"), ("accessKeySecret", "secret")],
        _ => &[("secretId", "id"), ("secretKey", "secret")],
    };
    connect(&settings(account), keys)
}

#[test]
fn every_default_host_is_an_entry() {
    for vendor in
        [Vendor::TencentCloud, Vendor::TencentCloudLegacy, Vendor::AlibabaCloud, Vendor::HuaweiCloud]
    {
        let entries: Vec<String> = hosts(vendor).iter().map(|host| (*host).to_owned()).collect();
        assert!(!entries.is_empty() && AllowedEndpoints::parse(&entries).is_ok(), "{vendor:?}");
    }
}

#[test]
fn an_account_may_name_the_hosts_of_its_vendor_and_no_others() {
    let own = [
        ("TencentCloud", "iotcloud.tencentcloudapi.com"),
        ("TencentCloud", "iotcloud.intl.tencentcloudapi.com"),
        ("TencentCloud", "iotcloud.ap-guangzhou.tencentcloudapi.com"),
        ("TencentCloudLegacy", "iotcloud.api.qcloud.com"),
        ("AlibabaCloud", "iot.cn-shanghai.aliyuncs.com"),
        ("AlibabaCloud", "iot-vpc.ap-southeast-1.aliyuncs.com"),
        ("HuaweiCloud", "roma.ru-northwest-2.myhuaweicloud.com"),
        ("HuaweiCloud", "iam.myhuaweicloud.com"),
    ];
    for (vendor, host) in own {
        assert!(at(vendor, &format!("https://{host}/")).is_ok(), "{host}");
        assert!(at(vendor, &format!("https://{host}:8443/")).is_err(), "{host} at another port");
        assert!(at(vendor, &format!("https://bucket.{host}/")).is_err(), "a host below {host}");
        for (other, _) in own.iter().filter(|(other, _)| *other != vendor) {
            assert!(at(other, &format!("https://{host}/")).is_err(), "{host} for {other}");
        }
    }
    for (vendor, host) in [
        ("AlibabaCloud", "iot.oss-cn-hangzhou.aliyuncs.com"),
        ("AlibabaCloud", "bucket.oss-cn-hangzhou.aliyuncs.com"),
        ("AlibabaCloud", "alb-x1.cn-hangzhou.alb.aliyuncs.com"),
        ("HuaweiCloud", "roma.obs.myhuaweicloud.com"),
        ("HuaweiCloud", "roma.obs.cn-north-4.myhuaweicloud.com"),
        ("HuaweiCloud", "bucket.obs.cn-north-4.myhuaweicloud.com"),
        ("TencentCloud", "cos.ap-guangzhou.tencentcloudapi.com"),
    ] {
        let error = at(vendor, &format!("https://{host}/")).err().unwrap();
        assert!(
            matches!(error, ConnectionError::Endpoint { source: EndpointError::Host { .. }, .. }),
            "{error}"
        );
    }
}

/// A self-signed certificate; only that it is one counts.
const CA: &str = include_str!("ca.pem");

#[test]
fn a_tenants_authority_vouches_for_named_hosts_only() {
    let account = settings(json!({"vendor": "TencentCloud", "region": "ap-guangzhou"}));
    let keys =
        [("secretId", "id"), ("secretKey", "secret")].map(|(k, v)| (k.to_owned(), SecretString::from(v)));
    let with = |flags: &[String]| {
        let endpoints = Arc::new(AllowedEndpoints::parse(flags).unwrap());
        let surroundings = Surroundings { endpoints, ..surroundings() };
        let bundle = Some(CA.as_bytes().to_vec());
        Connection::new(&account, &keys.clone().into(), bundle, &surroundings, &SharedBudget::default())
    };
    let error = with(&[]).err().unwrap();
    assert!(matches!(error, ConnectionError::CaBundle), "{error}");
    assert!(
        error.to_string().contains("--allowed-endpoints") && error.to_string().contains("remove caBundle")
    );
    assert!(with(&["iotcloud.tencentcloudapi.com".to_owned()]).is_ok());
}

#[tokio::test(start_paused = true)]
async fn another_key_of_the_account_has_no_second_budget() {
    use crate::http::limit::Lane;
    use tokio::time::{Duration, Instant};

    let settings = settings(json!({"vendor": "TencentCloud"}));
    let budget = SharedBudget::default();
    let begun = Instant::now();
    let mut permits = Vec::new();
    for id in ["AKID1", "AKID2", "AKID3"] {
        let keys = [("secretId", id), ("secretKey", "SK")];
        let connection = connect_within(&settings, &keys, &budget).unwrap();
        let call = crate::vendor::Call::within(Lane::Create, Duration::from_secs(9));
        permits.push(connection.cloud.reserve_create(call).await.unwrap());
    }
    assert!(begun.elapsed() >= Duration::from_millis(90), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_raised_limit_has_an_effect_unless_the_administrator_forbids_it() {
    use crate::http::limit::Lane;
    use tokio::time::{Duration, Instant};

    let limits = json!({"unsafe": true, "requestsPerSecond": {"CreateProduct": 10_000}});
    let account = settings(json!({"vendor": "TencentCloud", "limits": limits}));
    let keys = [("secretId", "id"), ("secretKey", "SK")].map(|(k, v)| (k.to_owned(), SecretString::from(v)));
    let mut took = Vec::new();
    for forbid_unsafe_limits in [false, true] {
        let surroundings = Surroundings { forbid_unsafe_limits, ..surroundings() };
        let budget = SharedBudget::default();
        let connection =
            Connection::new(&account, &keys.clone().into(), None, &surroundings, &budget).unwrap();
        let begun = Instant::now();
        for _ in 0..5 {
            let call = crate::vendor::Call::within(Lane::Create, Duration::from_secs(9));
            let mut permit = connection.cloud.reserve_create(call).await.unwrap();
            permit.sent().await;
            permit.done(crate::http::limit::Outcome::Answered);
        }
        took.push(begun.elapsed());
    }
    assert!(took[0] < Duration::from_millis(20), "{took:?}");
    assert!(took[1] >= Duration::from_millis(190), "20 a second are documented: {took:?}");
}
