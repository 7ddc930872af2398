//! Credentials kept for deletion (protocol, "Credentials kept for deletion"): the finalizer `in-use` on a
//! Secret that something may need that has to be deleted at the vendor.

use crate::api::core::{Namespace, Secret};
use kube::ResourceExt;
use kube::api::{Api, ListParams};

use super::accounts::AccountId;
use super::context::Context;
use crate::api::account::NamespacedSecretRef;
use crate::api::{ACCOUNT_FINALIZER, Account, IN_USE_FINALIZER, IotProduct};
use crate::record::{RecordError, ledger};

/// Puts the finalizer on a Secret that is not being deleted.
pub async fn hold(api: &Api<Secret>, secret: &Secret) -> Result<(), RecordError> {
    if secret.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    ledger::set_finalizer(api, secret, IN_USE_FINALIZER, true).await.map(drop)
}

/// Takes the finalizer off a Secret, unless another account still names it and may need it. While accounts of one kind
/// were never listed nobody knows that.
pub async fn release(ctx: &Context, held: &NamespacedSecretRef, but: &AccountId) -> Result<(), RecordError> {
    if let Some(kind) = ctx.unseen_accounts(&held.namespace) {
        let why = format!("the operator cannot list {kind}s, and one of them may need the Secret");
        return Err(RecordError::Refused { what: "letting the credentials Secret go", why });
    }
    if naming(ctx, held).iter().any(|other| other.id != *but && other.needs) {
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

/// An account that names a Secret.
struct Naming {
    id: AccountId,
    ending: bool,
    /// It is to stay, or has products to delete first.
    needs: bool,
}

fn naming(ctx: &Context, held: &NamespacedSecretRef) -> Vec<Naming> {
    fn of<K: Account>(ctx: &Context, account: &K) -> Naming {
        let ending = account.meta().deletion_timestamp.is_some();
        let waits = account.finalizers().iter().any(|f| f == ACCOUNT_FINALIZER);
        let done = ctx.accounts.is_done(account.meta().uid.as_deref().unwrap_or_default());
        Naming { id: AccountId::from_view(&account.view()), ending, needs: !ending || waits && !done }
    }
    fn names<K: Account>(account: &K, held: &NamespacedSecretRef) -> bool {
        let credentials = account.view().credentials;
        credentials.namespace == held.namespace && credentials.name == held.name
    }
    let mut all = Vec::new();
    for scope in &ctx.scopes {
        let accounts = scope.accounts.state_filter(|account| names(account, held));
        all.extend(accounts.iter().map(|account| of(ctx, &**account)));
        if let Some(store) = &scope.cluster_accounts {
            let accounts = store.state_filter(|account| names(account, held));
            all.extend(accounts.iter().map(|account| of(ctx, &**account)));
        }
    }
    all
}

/// Whether a Secret that is being deleted alone may go at once: a key rotation by delete and create. Not
/// while its namespace, an account that names it or a product of one is ending, too.
pub async fn deleted_alone(ctx: &Context, secret: &Secret) -> Result<bool, RecordError> {
    if ctx.unseen_accounts(&secret.namespace().unwrap_or_default()).is_some() {
        return Ok(false);
    }
    let held =
        NamespacedSecretRef { namespace: secret.namespace().unwrap_or_default(), name: secret.name_any() };
    let needed = naming(ctx, &held).iter().any(|account| {
        let ends = || ctx.products_of(&account.id).iter().any(|product| product.deleting() && product.held);
        account.ending && account.needs || ends()
    });
    if needed {
        return Ok(false);
    }
    let namespaces: Api<Namespace> = Api::all(ctx.client.clone());
    let namespace = namespaces
        .get_opt(&held.namespace)
        .await
        .map_err(|error| RecordError::of("reading the Secret's namespace", error))?;
    Ok(namespace.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_none()))
}

/// The products that keep an account from going. Where the stores know of none the API server is asked: they
/// lag, and a finalizer written a moment ago may stand for a product that is being created.
pub async fn users(ctx: &Context, id: &AccountId) -> Result<Vec<String>, RecordError> {
    let known: Vec<String> =
        ctx.products_of(id).iter().filter(|product| product.held).map(|product| named(&**product)).collect();
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
        held_in(&api, id, &mut users).await?;
    }
    Ok(users)
}

/// Page by page: objects are as large as users make them, and many accounts may end at once.
async fn held_in(api: &Api<IotProduct>, id: &AccountId, users: &mut Vec<String>) -> Result<(), RecordError> {
    let page = ListParams::default().limit(super::streams::PAGE);
    let mut params = page.clone();
    loop {
        let products = api
            .list(&params)
            .await
            .map_err(|error| RecordError::of("listing the products of an account", error))?;
        let holds = |product: &&IotProduct| AccountId::of(product) == *id && product.is_held();
        users.extend(products.iter().filter(holds).map(named));
        match products.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = page.clone().continue_token(&token),
            None => return Ok(()),
        }
    }
}

fn named<K: ResourceExt>(product: &K) -> String {
    format!("{}/{}", product.namespace().unwrap_or_default(), product.name_any())
}
