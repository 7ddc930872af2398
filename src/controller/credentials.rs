//! Which Secrets serve as a vendor's key, and of which a value may be sent. Whoever may create an account or a product names
//! Secrets that he may not read, so a Secret takes part only if its owner has said so, or if nothing of it leaves the
//! operator: a key that only signs stays here.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use kube::ResourceExt;
use secrecy::SecretString;

use super::accounts::Trouble;
use crate::api::core::Secret;
use crate::api::{AccountView, CREDENTIALS_LABEL, CREDENTIALS_TYPE, Reason};
use crate::record::secret::data_hash;

/// The type of a Secret that was created without one.
const OPAQUE: &str = "Opaque";

/// Whether the owner of a Secret has said that its values may be sent to a vendor: by its type or by a label.
pub fn opted_in(secret: &Secret) -> bool {
    secret.type_.as_deref() == Some(CREDENTIALS_TYPE)
        || secret.labels().get(CREDENTIALS_LABEL).is_some_and(|value| value == "true")
}

/// A text that differs when there is another key, or when the same is used in another way.
pub fn version(secret: &Secret) -> String {
    let used = format!("{:?} {}", secret.type_, opted_in(secret));
    data_hash(&used, secret.data.as_ref().unwrap_or(&BTreeMap::new()))
}

/// A value of a Secret as the operator uses it: without white space around it, because a file made with an editor ends in a
/// newline, and no vendor has values that begin or end so. `None` for what is no text, or nothing but white space.
pub fn text(value: &ByteString) -> Option<SecretString> {
    let text = std::str::from_utf8(&value.0).ok()?.trim();
    (!text.is_empty()).then(|| SecretString::from(text))
}

/// What to do with a Secret that has not opted in.
pub fn how_to_opt_in(namespace: &str, name: &str) -> String {
    format!(
        "Secret {namespace}/{name} does not say that it is for an IoT vendor, so the operator sends nothing of it. Run \
         `kubectl label secret {name} --namespace {namespace} {CREDENTIALS_LABEL}=true`, or create it with type \
         {CREDENTIALS_TYPE}"
    )
}

/// Whether a Secret serves as the account's key; else what is wrong with it. A Secret that does not is neither used nor held
/// with a finalizer: it may be a service account's token or a Helm release.
pub fn serves(view: &AccountView<'_>, secret: &Secret) -> Result<(), Trouble> {
    let (namespace, name) = (view.credentials.namespace, view.credentials.name);
    let unfit = |message: String| Err(Trouble::new(Reason::CredentialsNotFound, message));
    let kind = secret.type_.as_deref().unwrap_or(OPAQUE);
    if kind != OPAQUE && kind != CREDENTIALS_TYPE {
        return unfit(format!(
            "Secret {namespace}/{name} has type {kind} and is not used as a vendor's key: put the key into a Secret of type \
             {OPAQUE} or {CREDENTIALS_TYPE}, and name that in credentials.secretRef"
        ));
    }
    let has = |key: &str| secret.data.as_ref().and_then(|data| data.get(key)).and_then(text).is_some();
    if let Some(key) = view.settings.credentials_keys().iter().find(|key| !has(key)) {
        return unfit(format!(
            "Secret {namespace}/{name} has no key {key}; add it with the vendor's value, which is seen within 15s"
        ));
    }
    if view.settings.sends_password() && !opted_in(secret) {
        return unfit(how_to_opt_in(namespace, name));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use secrecy::ExposeSecret as _;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{Account as _, IotAccount};
    use crate::http::carrier::Internet;
    use crate::http::endpoint::AllowedEndpoints;
    use crate::http::fence::Always;
    use crate::metrics::Metrics;
    use crate::vendor::connection::{Connection, ConnectionError, SharedBudget, Surroundings};

    fn account(spec: &Value) -> IotAccount {
        let mut account = json!({
            "apiVersion": "iot-products.io/v1alpha1", "kind": "IotAccount",
            "metadata": {"name": "a", "namespace": "n"},
            "spec": {"credentials": {"secretRef": {"name": "key"}}},
        });
        account["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        serde_json::from_value(account).unwrap()
    }

    fn huawei(authentication: &str) -> IotAccount {
        account(&json!({"vendor": "HuaweiCloud", "region": "cn-north-4",
            "huawei": {"projectId": "p", "instanceId": "i", "authentication": authentication}}))
    }

    fn secret(kind: Option<&str>, labels: &[(&str, &str)], keys: &[&str]) -> Secret {
        let text = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
        let mut secret = Secret { type_: kind.map(str::to_owned), ..Secret::default() };
        secret.metadata.labels = Some(labels.iter().map(text).collect());
        let value = || ByteString(b"value\n".to_vec());
        secret.data = Some(keys.iter().map(|key| ((*key).to_owned(), value())).collect());
        secret
    }

    fn said(account: &IotAccount, secret: &Secret) -> Option<String> {
        serves(&account.view(), secret).err().map(|trouble| trouble.message)
    }

    #[test]
    fn only_secrets_for_keys_serve_as_one() {
        let tencent = account(&json!({"vendor": "TencentCloud"}));
        let keys = ["secretId", "secretKey"];
        for kind in [None, Some("Opaque"), Some(CREDENTIALS_TYPE)] {
            assert_eq!(said(&tencent, &secret(kind, &[], &keys)), None);
        }
        for kind in ["kubernetes.io/service-account-token", "helm.sh/release.v1", "kubernetes.io/tls"] {
            let message = said(&tencent, &secret(Some(kind), &[], &keys)).unwrap();
            assert!(message.contains(kind) && message.contains("n/key"), "{message}");
        }
        let message = said(&tencent, &secret(None, &[], &["secretId"])).unwrap();
        assert!(message.contains("no key secretKey"), "{message}");
    }

    #[test]
    fn a_value_is_used_without_the_white_space_around_it() {
        let used =
            |bytes: &[u8]| text(&ByteString(bytes.to_vec())).map(|text| text.expose_secret().to_owned());
        for value in ["SKEY 1", "SKEY 1\n", " \tSKEY 1\r\n", "\u{a0}SKEY 1"] {
            assert_eq!(used(value.as_bytes()).as_deref(), Some("SKEY 1"), "{value:?}");
        }
        for nothing in [&b""[..], b" \r\n", &[0xff, 0xfe]] {
            assert_eq!(used(nothing), None);
        }
    }

    #[test]
    fn a_password_is_sent_only_if_its_secret_says_so() {
        let (signs, sends) = (huawei("AccessKey"), huawei("Password"));
        let user = ["domainName", "userName", "password"];
        assert_eq!(said(&signs, &secret(None, &[], &["accessKey", "secretKey"])), None);
        let message = said(&sends, &secret(None, &[], &user)).unwrap();
        let command = "kubectl label secret key --namespace n iot-products.io/credentials=true";
        assert!(message.contains(command), "{message}");
        assert!(said(&sends, &secret(None, &[(CREDENTIALS_LABEL, "false")], &user)).is_some());
        assert_eq!(said(&sends, &secret(None, &[(CREDENTIALS_LABEL, "true")], &user)), None);
        assert_eq!(said(&sends, &secret(Some(CREDENTIALS_TYPE), &[], &user)), None);
    }

    /// What is asked for here is what a vendor's client is made of.
    #[test]
    fn the_keys_are_those_that_the_vendors_want() {
        // The first test to come installs it; the others find it installed.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let surroundings = Surroundings {
            endpoints: Arc::new(AllowedEndpoints::parse(&[]).unwrap()),
            fence: Arc::new(Always),
            network: Arc::new(Internet),
            metrics: Metrics::new(),
            refusals: Arc::default(),
            memory: Arc::default(),
            forbid_unsafe_limits: false,
            tenant: Arc::from(""),
        };
        let accounts = [
            account(&json!({"vendor": "TencentCloud"})),
            account(&json!({"vendor": "TencentCloudLegacy"})),
            account(&json!({"vendor": "AlibabaCloud", "region": "cn-shanghai"})),
            huawei("AccessKey"),
            huawei("Password"),
        ];
        for account in accounts {
            let settings = &account.spec.settings;
            let all = settings.credentials_keys();
            let connect = |but: Option<&str>| {
                let keys: BTreeMap<_, _> = all
                    .iter()
                    .filter(|key| Some(**key) != but)
                    .map(|key| ((*key).to_owned(), SecretString::from("value")))
                    .collect();
                Connection::new(settings, &keys, None, &surroundings, &SharedBudget::default()).map(drop)
            };
            assert!(connect(None).is_ok(), "{settings:?}");
            for key in all {
                assert!(
                    matches!(connect(Some(key)), Err(ConnectionError::MissingKey(found)) if found == *key)
                );
            }
        }
    }
}
