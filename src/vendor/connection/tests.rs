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
    // The first test to come installs it; the others find it installed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let surroundings = Surroundings {
        endpoints: Arc::new(AllowedEndpoints::parse(&[]).unwrap()),
        fence: Arc::new(Always),
        network: Arc::new(Internet),
        metrics: Metrics::new(),
        refusals: Arc::default(),
    };
    let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), SecretString::from(*value))).collect();
    Connection::new(settings, &keys, None, &surroundings, budget)
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
