//! Both kinds of account, seen the same way.

use std::collections::BTreeMap;

use kube::core::{Selector, SelectorExt};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{
    AccountKind, AccountSettings, Adoption, AllowedNamespaces, ClusterIotAccount, IotAccount,
    IotAccountStatus,
};

/// An account of either kind. Code that is generic over it needs one path only; what differs is in the
/// [`AccountView`].
pub trait Account:
    Resource<DynamicType = ()> + Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The kind.
    const KIND: AccountKind;

    /// What the account says, whichever kind it is.
    fn view(&self) -> AccountView<'_>;

    /// Its status.
    fn status(&self) -> Option<&IotAccountStatus>;

    /// The API of its kind where an account of this kind and namespace lives.
    fn api(client: Client, namespace: Option<&str>) -> Api<Self>;
}

/// What an account says, whichever kind it is.
#[derive(Clone, Copy, Debug)]
pub struct AccountView<'a> {
    /// Its kind.
    pub kind: AccountKind,
    /// Its namespace; `None` for a `ClusterIotAccount`.
    pub namespace: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
    /// What both kinds have.
    pub settings: &'a AccountSettings,
    /// The Secret with the vendor's key.
    pub credentials: CredentialsRef<'a>,
    /// Which existing products may be taken over.
    pub adoption: Adoption,
    /// The namespaces that a `ClusterIotAccount` admits.
    pub allowed: Option<&'a AllowedNamespaces>,
}

/// The Secret with a vendor's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredentialsRef<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl AccountView<'_> {
    /// Whether products of this namespace, which has these labels, may use the account.
    pub fn admits(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        match self.kind {
            AccountKind::IotAccount => self.namespace == Some(namespace),
            AccountKind::ClusterIotAccount => {
                self.allowed.is_some_and(|allowed| allowed.admits(namespace, labels))
            }
        }
    }
}

impl AllowedNamespaces {
    /// Whether the namespace is named or its labels are selected. A selector that makes no sense selects
    /// nothing.
    pub fn admits(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.names.iter().any(|name| name == namespace)
            || self
                .selector
                .clone()
                .and_then(|selector| Selector::try_from(selector).ok())
                .is_some_and(|selector| selector.matches(labels))
    }
}

impl Account for IotAccount {
    const KIND: AccountKind = AccountKind::IotAccount;

    fn api(client: Client, namespace: Option<&str>) -> Api<Self> {
        Api::namespaced(client, namespace.unwrap_or_default())
    }

    fn view(&self) -> AccountView<'_> {
        let namespace = self.metadata.namespace.as_deref();
        AccountView {
            kind: Self::KIND,
            namespace,
            name: self.metadata.name.as_deref().unwrap_or_default(),
            settings: &self.spec.settings,
            credentials: CredentialsRef {
                namespace: namespace.unwrap_or_default(),
                name: &self.spec.credentials.secret_ref.name,
            },
            adoption: self.spec.adoption,
            allowed: None,
        }
    }

    fn status(&self) -> Option<&IotAccountStatus> {
        self.status.as_ref()
    }
}

impl Account for ClusterIotAccount {
    const KIND: AccountKind = AccountKind::ClusterIotAccount;

    fn api(client: Client, _namespace: Option<&str>) -> Api<Self> {
        Api::all(client)
    }

    fn view(&self) -> AccountView<'_> {
        let secret = &self.spec.credentials.secret_ref;
        AccountView {
            kind: Self::KIND,
            namespace: None,
            name: self.metadata.name.as_deref().unwrap_or_default(),
            settings: &self.spec.settings,
            credentials: CredentialsRef { namespace: &secret.namespace, name: &secret.name },
            adoption: self.spec.adoption,
            allowed: self.spec.allowed_namespaces.as_ref(),
        }
    }

    fn status(&self) -> Option<&IotAccountStatus> {
        self.status.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cluster_account(allowed: &serde_json::Value) -> ClusterIotAccount {
        let mut account = json!({
            "apiVersion": "iot-products.io/v1alpha1",
            "kind": "ClusterIotAccount",
            "metadata": {"name": "shared"},
            "spec": {
                "vendor": "AlibabaCloud",
                "region": "cn-shanghai",
                "credentials": {"secretRef": {"namespace": "keys", "name": "alibaba"}},
            },
        });
        if !allowed.is_null() {
            account["spec"]["allowedNamespaces"] = allowed.clone();
        }
        serde_json::from_value(account).unwrap()
    }

    #[test]
    fn a_cluster_account_admits_named_and_selected_namespaces_only() {
        let labels = BTreeMap::from([("team".to_owned(), "lamps".to_owned())]);
        let admits = |allowed| cluster_account(&allowed).view().admits("factory", &labels);
        assert!(!admits(serde_json::Value::Null));
        assert!(!admits(json!({})));
        assert!(admits(json!({"names": ["office", "factory"]})));
        assert!(admits(json!({"selector": {}})));
        assert!(admits(json!({"selector": {"matchLabels": {"team": "lamps"}}})));
        assert!(!admits(json!({"selector": {"matchLabels": {"team": "meters"}}})));
        assert!(!admits(json!({"names": ["office"], "selector": {"matchExpressions": [
            {"key": "team", "operator": "NotIn", "values": ["lamps"]}]}})));
        assert!(!admits(json!({"selector": {"matchExpressions": [
            {"key": "team", "operator": "Like", "values": ["lamps"]}]}})));
    }

    #[test]
    fn the_default_of_adoption_depends_on_the_kind() {
        assert_eq!(cluster_account(&serde_json::Value::Null).view().adoption, Adoption::None);
        let account: IotAccount = serde_json::from_value(json!({
            "apiVersion": "iot-products.io/v1alpha1",
            "kind": "IotAccount",
            "metadata": {"name": "default", "namespace": "factory"},
            "spec": {"vendor": "TencentCloud", "credentials": {"secretRef": {"name": "tencent-key"}}},
        }))
        .unwrap();
        let view = account.view();
        assert_eq!(view.adoption, Adoption::Unmarked);
        assert_eq!(view.credentials, CredentialsRef { namespace: "factory", name: "tencent-key" });
        assert!(view.admits("factory", &BTreeMap::new()));
        assert!(!view.admits("office", &BTreeMap::new()));
    }
}
