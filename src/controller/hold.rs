//! Credentials kept for deletion (protocol, "Credentials kept for deletion"): the finalizer `in-use` on a
//! Secret that something may need that has to be deleted at the vendor.

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::ResourceExt;
use kube::api::{Api, ListParams};

use super::accounts::AccountId;
use super::context::Context;
use crate::api::account::NamespacedSecretRef;
use crate::api::{Account, IN_USE_FINALIZER, IotProduct, PRODUCT_FINALIZER};
use crate::record::{RecordError, ledger};

/// Puts the finalizer on a Secret that is not being deleted.
pub async fn hold(api: &Api<Secret>, secret: &Secret) -> Result<(), RecordError> {
    if secret.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    ledger::set_finalizer(api, secret, IN_USE_FINALIZER, true).await.map(drop)
}

/// Takes the finalizer off a Secret, unless another account still names it.
pub async fn release(ctx: &Context, held: &NamespacedSecretRef, but: &AccountId) -> Result<(), RecordError> {
    if named_by_another(ctx, held, but) {
        return Ok(());
    }
    let api = ctx.secrets(&held.namespace);
    let stored =
        api.get_opt(&held.name).await.map_err(|error| RecordError::of("reading a held Secret", error))?;
    match stored {
        Some(secret) => ledger::set_finalizer(&api, &secret, IN_USE_FINALIZER, false).await.map(drop),
        None => Ok(()),
    }
}

fn named_by_another(ctx: &Context, held: &NamespacedSecretRef, but: &AccountId) -> bool {
    fn names<K: Account>(account: &K, held: &NamespacedSecretRef, but: &AccountId) -> bool {
        let view = account.view();
        account.meta().deletion_timestamp.is_none()
            && AccountId::from_view(&view) != *but
            && view.credentials.namespace == held.namespace
            && view.credentials.name == held.name
    }
    ctx.scopes.iter().any(|scope| {
        scope.accounts.find(|account| names(account, held, but)).is_some()
            || scope
                .cluster_accounts
                .as_ref()
                .is_some_and(|store| store.find(|account| names(account, held, but)).is_some())
    })
}

/// Whether a Secret that is being deleted alone may go at once: a key rotation by delete and create. Not
/// while its namespace or a product that needs it is ending, too.
pub async fn deleted_alone(ctx: &Context, id: &AccountId, secret: &Secret) -> Result<bool, RecordError> {
    let ending = ctx
        .products_of(id)
        .iter()
        .any(|product| product.metadata.deletion_timestamp.is_some() && held(product));
    if ending {
        return Ok(false);
    }
    let namespaces: Api<Namespace> = Api::all(ctx.client.clone());
    let namespace = namespaces
        .get_opt(&secret.namespace().unwrap_or_default())
        .await
        .map_err(|error| RecordError::of("reading the Secret's namespace", error))?;
    Ok(namespace.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_none()))
}

/// The products that keep an account from going. Where the stores know of none the API server is asked: they
/// lag, and a finalizer written a moment ago may stand for a product that is being created.
pub async fn users(ctx: &Context, id: &AccountId) -> Result<Vec<String>, RecordError> {
    let known: Vec<String> =
        ctx.products_of(id).iter().filter(|product| held(product)).map(|product| named(product)).collect();
    if !known.is_empty() {
        return Ok(known);
    }
    let mut users = Vec::new();
    for scope in &ctx.scopes {
        let namespace = scope.namespace.as_deref().or(id.namespace.as_deref());
        if id.namespace.is_some() && namespace != id.namespace.as_deref() {
            continue;
        }
        let api: Api<IotProduct> = match namespace {
            Some(namespace) => ctx.products(namespace),
            None => Api::all(ctx.client.clone()),
        };
        let products = api
            .list(&ListParams::default())
            .await
            .map_err(|error| RecordError::of("listing the products of an account", error))?;
        users.extend(
            products.iter().filter(|product| AccountId::of(product) == *id && held(product)).map(named),
        );
    }
    Ok(users)
}

fn held(product: &IotProduct) -> bool {
    product.finalizers().iter().any(|f| f == PRODUCT_FINALIZER)
}

fn named(product: &IotProduct) -> String {
    format!("{}/{}", product.namespace().unwrap_or_default(), product.name_any())
}
