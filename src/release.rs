//! `iot-operator release --all`: takes the operator's finalizers off everything before it is uninstalled, so that
//! deleting what is left does not wait for an operator that is gone. No vendor is called.

mod guard;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use crate::api::core::Secret;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::ApiResource;
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::{
    ACCOUNT_FINALIZER, CREATION_ANNOTATION, ClusterIotAccount, IN_USE_FINALIZER, IotAccount, IotProduct,
    PRODUCT_FINALIZER,
};
use crate::cli::ReleaseArgs;
use crate::client::{self, ClientError};
use crate::plan::ledger::Ledger;
use crate::record::{RecordError, ledger};
use crate::text::{SHOWN, printable};

/// Objects per page of a list.
const PAGE: u32 = 200;
/// How often a finalizer is tried to be taken off an object that others write at the same time.
const TRIES: u32 = 5;

/// Why not everything was let go. It can be begun anew: what is done stays done.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The API server cannot be reached by the given configuration.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An operator is at work and would put the finalizers back.
    #[error(
        "{holder} holds the Lease {namespace}/{name}: stop the operator first (kubectl -n {namespace} scale deployment NAME --replicas=0), or give --force"
    )]
    Held {
        /// Namespace of the Lease.
        namespace: String,
        /// Name of the Lease.
        name: String,
        /// Who holds it.
        holder: String,
    },
    /// Nothing says whether an operator is at work.
    #[error(
        "there is no Lease {namespace}/{name}, so it cannot be told whether an operator is at work: name the operator's with --lease-namespace and --lease-name, or stop it and give --force"
    )]
    NoLease {
        /// Namespace of the Lease.
        namespace: String,
        /// Name of the Lease.
        name: String,
    },
    /// The API server refused or did not answer.
    #[error("{what}")]
    Kube {
        /// What was tried.
        what: String,
        /// What came of it.
        #[source]
        source: Box<kube::Error>,
    },
    /// A finalizer could not be taken off.
    #[error("{object}")]
    Record {
        /// Of which.
        object: String,
        /// What came of it.
        #[source]
        source: Box<RecordError>,
    },
    /// Somebody wrote the object again and again.
    #[error("{object} is written by somebody else all the time: stop the operator, and begin anew")]
    Busy {
        /// Which.
        object: String,
    },
    /// What was done cannot be told.
    #[error("cannot write what was done")]
    Output(#[from] std::io::Error),
}

impl ReleaseError {
    fn of(what: impl Into<String>, source: kube::Error) -> Self {
        Self::Kube { what: what.into(), source: Box::new(source) }
    }
}

/// What was let go, by kind.
type Counts = BTreeMap<&'static str, usize>;

/// Lets everything go, and tells on `out` what it does.
///
/// # Errors
/// An operator that is at work, or an API server that refuses.
pub async fn release(args: &ReleaseArgs, out: &mut impl Write) -> Result<(), ReleaseError> {
    let client = client::connect(args.kubeconfig.as_deref()).await?.api;
    if !args.force {
        let namespace = args.lease_namespace.clone().unwrap_or_else(crate::cli::own_namespace);
        guard::nobody_leads(&client, &namespace, &args.lease_name, out).await?;
    }
    let mut counts = Counts::new();
    let mut releaser = Releaser { client, out, counts: &mut counts };
    if args.watch_namespaces.is_empty() {
        releaser.products(None).await?;
        releaser.accounts::<IotAccount>(None).await?;
        releaser.accounts::<ClusterIotAccount>(None).await?;
    }
    for namespace in &args.watch_namespaces {
        releaser.products(Some(namespace)).await?;
        releaser.accounts::<IotAccount>(Some(namespace)).await?;
    }
    let done = if counts.is_empty() {
        "nothing to let go".to_owned()
    } else {
        let counted: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        format!("let go: {}", counted.join(", "))
    };
    writeln!(
        out,
        "{done}. No vendor was called: every product stays where it is, and so does every output Secret. An operator with the same --owner-id takes them up again from the same manifests."
    )?;
    Ok(())
}

struct Releaser<'a, W> {
    client: Client,
    out: &'a mut W,
    counts: &'a mut Counts,
}

impl<W: Write> Releaser<'_, W> {
    /// As untyped objects: what an older or newer version of the definitions has stored is let go, too.
    fn api<K: Resource<DynamicType = ()>>(&self, namespace: Option<&str>) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<K>(&());
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }

    async fn products(&mut self, namespace: Option<&str>) -> Result<(), ReleaseError> {
        let all = self.api::<IotProduct>(namespace);
        let mut pages = Pages::new(&all, "IotProducts");
        while let Some(page) = pages.next(self.out).await? {
            for product in page {
                let api = self.api::<IotProduct>(product.namespace().as_deref());
                if take_off(&api, &product, PRODUCT_FINALIZER, "IotProduct").await? {
                    writeln!(self.out, "IotProduct {}: {}", place(&product), remains(&product))?;
                    *self.counts.entry("IotProducts").or_default() += 1;
                }
            }
        }
        Ok(())
    }

    /// Secrets before the account that says which it holds: what is interrupted is begun anew.
    async fn accounts<K: Resource<DynamicType = ()>>(
        &mut self,
        namespace: Option<&str>,
    ) -> Result<(), ReleaseError> {
        let kind = K::kind(&()).into_owned();
        let all = self.api::<K>(namespace);
        let mut pages = Pages::new(&all, &kind);
        while let Some(page) = pages.next(self.out).await? {
            for account in page {
                for (namespace, name) in held(&account) {
                    self.secret(&namespace, &name).await?;
                }
                let api = self.api::<K>(account.namespace().as_deref());
                if take_off(&api, &account, ACCOUNT_FINALIZER, &kind).await? {
                    writeln!(self.out, "{kind} {}: let go", place(&account))?;
                    *self.counts.entry("accounts").or_default() += 1;
                }
            }
        }
        Ok(())
    }

    async fn secret(&mut self, namespace: &str, name: &str) -> Result<(), ReleaseError> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let found = api.get_opt(name).await;
        let place = printable(&format!("{namespace}/{name}"), 2 * SHOWN, []);
        let found = found.map_err(|error| ReleaseError::of(format!("reading Secret {place}"), error))?;
        if let Some(secret) = found
            && take_off(&api, &secret, IN_USE_FINALIZER, "Secret").await?
        {
            writeln!(self.out, "Secret {place}: let go")?;
            *self.counts.entry("credentials Secrets").or_default() += 1;
        }
        Ok(())
    }
}

/// A list, page by page.
struct Pages<'a> {
    api: &'a Api<DynamicObject>,
    kind: &'a str,
    next: Option<ListParams>,
}

impl<'a> Pages<'a> {
    fn new(api: &'a Api<DynamicObject>, kind: &'a str) -> Self {
        Self { api, kind, next: Some(ListParams::default().limit(PAGE)) }
    }

    async fn next(&mut self, out: &mut impl Write) -> Result<Option<Vec<DynamicObject>>, ReleaseError> {
        let Some(params) = self.next.take() else { return Ok(None) };
        match self.api.list(&params).await {
            Ok(list) => {
                let token = list.metadata.continue_.filter(|token| !token.is_empty());
                self.next = token.map(|token| ListParams::default().limit(PAGE).continue_token(&token));
                Ok(Some(list.items))
            }
            // The list took so long that its place is forgotten. What was let go meanwhile is passed over.
            Err(kube::Error::Api(status)) if status.code == 410 => {
                self.next = Some(ListParams::default().limit(PAGE));
                Ok(Some(Vec::new()))
            }
            Err(kube::Error::Api(status)) if status.code == 404 => {
                writeln!(out, "{}: the cluster does not know this kind", self.kind)?;
                Ok(None)
            }
            Err(error) => Err(ReleaseError::of(format!("listing {}", self.kind), error)),
        }
    }
}

/// Takes a finalizer off an object exactly as it was read. Whether it was there.
async fn take_off<K>(api: &Api<K>, object: &K, finalizer: &str, kind: &str) -> Result<bool, ReleaseError>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug,
{
    let named = format!("{kind} {}", place(object));
    let mut object = object.clone();
    for _ in 0..TRIES {
        match ledger::set_finalizer(api, &object, finalizer, false).await {
            Ok(taken) => return Ok(taken.is_some()),
            Err(RecordError::Conflict { .. }) => {}
            Err(error) => return Err(ReleaseError::Record { object: named, source: Box::new(error) }),
        }
        let found = api.get_opt(&object.name_any()).await;
        let found = found.map_err(|error| ReleaseError::of(format!("reading {named}"), error))?;
        match found.filter(|found| found.uid() == object.uid()) {
            Some(found) => object = found,
            None => return Ok(false),
        }
    }
    Err(ReleaseError::Busy { object: named })
}

fn place(object: &impl Resource) -> String {
    match object.namespace() {
        Some(namespace) => format!("{namespace}/{}", object.name_any()),
        None => object.name_any(),
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// What a product's object leaves behind. Its texts are its tenant's, and what is printed must not steer the terminal.
fn remains(product: &DynamicObject) -> String {
    let shown = |text: &str| printable(text, SHOWN, []);
    let vendor = text(&product.data, "/spec/vendor").map_or_else(|| "the vendor".to_owned(), shown);
    let uid = product.uid().unwrap_or_default();
    let written = product.annotations().get(CREATION_ANNOTATION);
    let ledger = written.and_then(|text| Ledger::parse(text, &uid));
    let damaged = written.is_some_and(|text| Ledger::unreadable(text));
    let left = match (text(&product.data, "/status/productId"), ledger.filter(Ledger::is_unclear)) {
        (Some(id), _) => format!("product {} remains at {vendor}", shown(id)),
        (None, Some(ledger)) => format!("a product named {} may remain at {vendor}", shown(&ledger.name)),
        // What somebody made unreadable may have been an open attempt.
        (None, None) if damaged => {
            let name = text(&product.data, "/spec/name").unwrap_or_default();
            format!("a product named {} may remain at {vendor}", shown(name))
        }
        (None, None) => "nothing was created for it".to_owned(),
    };
    if product.meta().deletion_timestamp.is_some() {
        format!("its deletion ends here and was not carried out at the vendor; {left}")
    } else {
        format!("let go; {left}")
    }
}

/// The Secrets that an account holds or is about to.
fn held(account: &DynamicObject) -> BTreeSet<(String, String)> {
    let home = account.namespace();
    let named = account.data.pointer("/spec/credentials/secretRef");
    let listed = account.data.pointer("/status/heldSecrets").and_then(Value::as_array);
    let place = |reference: &Value| {
        let namespace = text(reference, "/namespace").map(str::to_owned).or_else(|| home.clone())?;
        Some((namespace, text(reference, "/name")?.to_owned()))
    };
    named.into_iter().chain(listed.into_iter().flatten()).filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    fn product(deleting: bool, status: &Value, ledger: Option<&str>) -> String {
        let mut metadata = json!({"name": "p", "namespace": "n", "uid": "u"});
        if deleting {
            metadata["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        if let Some(ledger) = ledger {
            metadata["annotations"] = json!({CREATION_ANNOTATION: ledger});
        }
        let spec = json!({"vendor": "HuaweiCloud"});
        remains(&object(json!({
            "apiVersion": "iot-products.io/v1alpha1", "kind": "IotProduct",
            "metadata": metadata, "spec": spec, "status": status,
        })))
    }

    #[test]
    fn what_remains_is_named() {
        let recorded = json!({"productId": "10001"});
        assert!(product(false, &recorded, None).contains("product 10001 remains at HuaweiCloud"));
        assert!(product(true, &recorded, None).contains("not carried out"));
        assert!(product(true, &json!({}), None).contains("nothing was created"));
    }

    #[test]
    fn a_tenants_texts_do_not_steer_the_terminal() {
        let steering = "\u{1b}]0;title\u{7}\u{1b}[2Jname\nIotProduct n/other: let go";
        let ledger = json!({"uid": "u", "connection": "0", "name": steering, "attempt": 1,
            "deadline": "2026-01-01T00:00:00Z", "state": "open"});
        for said in [
            product(false, &json!({"productId": steering}), None),
            product(true, &json!({}), Some(&ledger.to_string())),
        ] {
            assert!(said.contains("remain") && said.contains("at HuaweiCloud"), "{said:?}");
            assert!(!said.contains(char::is_control), "{said:?}");
        }
    }

    #[test]
    fn held_secrets_are_those_named_now_and_those_named_before() {
        let account = object(json!({
            "apiVersion": "iot-products.io/v1alpha1", "kind": "IotAccount",
            "metadata": {"name": "a", "namespace": "n"},
            "spec": {"credentials": {"secretRef": {"name": "new"}}},
            "status": {"heldSecrets": [{"namespace": "n", "name": "old"}, {"namespace": "n", "name": "new"}]},
        }));
        let places: Vec<_> =
            held(&account).into_iter().map(|(namespace, name)| format!("{namespace}/{name}")).collect();
        assert_eq!(places, ["n/new", "n/old"]);
    }
}
