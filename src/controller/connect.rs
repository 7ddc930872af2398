//! The stage that finds the account of a product and the connection to its vendor. No vendor call.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::core::Namespace;
use kube::ResourceExt;
use kube::api::Api;
use kube::runtime::reflector::ObjectRef;
use secrecy::SecretString;

use super::accounts::{AccountId, AccountState, Trouble};
use super::context::Context;
use super::credentials;
use super::error::{ConnectError, Error};
use super::visit::Visit;
use crate::api::{Account, AccountKind, Adoption, Reason};
use crate::plan::Trust;
use crate::record::RecordError;
use crate::vendor::connection::Connection;

/// A usable account.
pub struct Link {
    /// The connection.
    pub connection: Arc<Connection>,
    /// Which existing products may be taken over.
    pub adoption: Adoption,
    /// How far it is believed when it does not show something.
    pub trust: Trust,
    /// What is wrong with the account, if anything.
    trouble: Option<Trouble>,
    account: AccountId,
    /// The account lets the product's namespace use it, or did when it wrote the product's ledger.
    pub admitted: bool,
}

impl Link {
    /// Whether the vendor may be asked about a known product now. Asking with a key that it refuses helps
    /// nobody; a list that was refused, throttled or not answered says little about other calls.
    pub fn usable(&self) -> Result<(), ConnectError> {
        match &self.trouble {
            Some(trouble) if trouble.is_refusal() => Err(told(&self.account, trouble)),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a product may be created now: only while the account's list answers, because a look-up may
    /// be needed right after; and only while the account is to stay, because who lets it go asks what it created.
    pub fn usable_for_creation(&self, ctx: &Context) -> Result<(), ConnectError> {
        if ctx.accounts.closing(&self.account) {
            let message = format!(
                "{} is being deleted, so nothing is created through it; create it anew",
                self.account
            );
            return Err(unusable(Reason::AccountNotFound, message));
        }
        match &self.trouble {
            None => Ok(()),
            Some(trouble) => Err(told(&self.account, trouble)),
        }
    }

    /// Whether an existing product may be recorded now. What a key shows that may be another account's would vouch for it
    /// from then on.
    pub fn usable_for_adoption(&self) -> Result<(), ConnectError> {
        match (&self.trouble, self.trust) {
            (Some(trouble), Trust::NewKey) => Err(told(&self.account, trouble)),
            (Some(_) | None, _) => Ok(()),
        }
    }
}

/// What a product's owner reads of its account's trouble. What is wrong with a shared account's key names a Secret of its
/// administrator's namespace, which no user of the account has to know.
fn told(account: &AccountId, trouble: &Trouble) -> ConnectError {
    if account.namespace.is_none() && trouble.reason == Reason::CredentialsNotFound {
        let message = format!(
            "{account} has no usable key; its condition Ready tells its administrator what is missing"
        );
        return unusable(trouble.reason, message);
    }
    if trouble.reason == Reason::MassLoss {
        let message = format!(
            "nothing is created or taken over through {account} while products are missing that it recorded: they are back, or their loss is confirmed, as its condition Ready says"
        );
        return unusable(trouble.reason, message);
    }
    unusable(trouble.reason, trouble.message.clone())
}

fn unusable(reason: Reason, message: impl Into<String>) -> ConnectError {
    ConnectError::Unusable { reason, message: message.into() }
}

/// The state of the account that a product names, from the stores alone.
///
/// # Errors
/// There is no such account, it was not looked at yet, or it is another vendor's.
pub fn account_of(visit: &Visit<'_>) -> Result<Arc<AccountState>, ConnectError> {
    let (ctx, product) = (visit.ctx, &visit.object);
    let id = AccountId::of(product);
    // What is known of an account counts as long as the account is there.
    let known = ctx.accounts.get(&id).filter(|_| ctx.account_exists(&id) || !ctx.knows_account(&id));
    let Some(state) = known else {
        if id.kind == AccountKind::ClusterIotAccount && !ctx.sees_cluster_accounts() {
            return Err(unusable(
                Reason::AccountNotAllowed,
                "this operator watches single namespaces and cannot use a ClusterIotAccount; name an IotAccount in accountRef",
            ));
        }
        if ctx.account_exists(&id) || !ctx.knows_account(&id) {
            return Err(ConnectError::Pending(id.to_string()));
        }
        let message = format!("{id} does not exist; create it, or correct spec.accountRef");
        return Err(unusable(Reason::AccountNotFound, message));
    };
    if state.vendor != product.spec.vendor {
        let message = format!(
            "{id} is for {} and the product for {}; name an account of {} in accountRef",
            state.vendor, product.spec.vendor, product.spec.vendor
        );
        return Err(unusable(Reason::AccountMismatch, message));
    }
    Ok(state)
}

/// Finds the account and what connects to its vendor.
pub async fn connect(visit: &Visit<'_>) -> Result<Link, Error> {
    let (ctx, id) = (visit.ctx, AccountId::of(&visit.object));
    let state = account_of(visit)?;
    // What was created through the account, or may have been, may be deleted through it after permission was
    // withdrawn.
    let tried = visit.deleting() && tried_through(visit, &state);
    let admitted = tried || admitted(ctx, &id, &visit.namespace).await?;
    let deletes_own = visit.deleting() && visit.owns_recorded();
    if !admitted && !deletes_own {
        let message =
            format!("{id} does not admit namespace {}; add it to its allowedNamespaces", visit.namespace);
        return Err(unusable(Reason::AccountNotAllowed, message).into());
    }
    match (&state.connection, &state.trouble) {
        (Some(connection), trouble) => Ok(Link {
            connection: Arc::clone(connection),
            adoption: state.adoption,
            trust: state.trust,
            trouble: trouble.clone(),
            account: id,
            admitted,
        }),
        (None, Some(trouble)) => Err(told(&id, trouble).into()),
        (None, None) => Err(ConnectError::Pending(id.to_string()).into()),
    }
}

/// Whether the object's ledger was written through the account's present connection. The name of a connection is another
/// in every object's ledger, so who reads others' cannot write one.
fn tried_through(visit: &Visit<'_>, state: &AccountState) -> bool {
    let tried = |connection: &Arc<Connection>| {
        let name = connection.fingerprint_for(&visit.uid);
        visit.ledger().is_some_and(|ledger| ledger.connection == name)
    };
    state.connection.as_ref().is_some_and(tried)
}

/// Whether the account admits a namespace. Its labels are read only where a selector asks for them.
async fn admitted(ctx: &Context, id: &AccountId, namespace: &str) -> Result<bool, Error> {
    if id.kind == AccountKind::IotAccount {
        return Ok(true);
    }
    let account = ctx
        .scopes
        .iter()
        .filter_map(|scope| scope.cluster_accounts.as_ref())
        .find_map(|store| store.get(&ObjectRef::new(&id.name)));
    let Some(account) = account else { return Ok(false) };
    let view = account.view();
    if view.admits(namespace, &BTreeMap::new())
        || view.allowed.is_none_or(|allowed| allowed.selector.is_none())
    {
        return Ok(view.admits(namespace, &BTreeMap::new()));
    }
    let namespaces: Api<Namespace> = Api::all(ctx.client.clone());
    let found = namespaces
        .get(namespace)
        .await
        .map_err(|error| RecordError::of("reading the namespace's labels", error))?;
    Ok(view.admits(namespace, found.labels()))
}

/// One value of a Secret in the product's namespace, which is sent to the vendor.
pub async fn secret_value(
    ctx: &Context,
    namespace: &str,
    name: &str,
    key: &str,
) -> Result<SecretString, Error> {
    let stored = ctx
        .secrets(namespace)
        .get_opt(name)
        .await
        .map_err(|error| RecordError::of("reading a referenced Secret", error))?;
    if let Some(secret) = &stored
        && !credentials::opted_in(secret)
    {
        let message = credentials::how_to_opt_in(namespace, name);
        return Err(unusable(Reason::CredentialsNotFound, message).into());
    }
    let value = stored.and_then(|secret| secret.data?.remove(key));
    value.as_ref().and_then(credentials::text).ok_or_else(|| {
        let message =
            format!("Secret {name} has no text under key {key}; create it, or correct the reference");
        unusable(Reason::CredentialsNotFound, message).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_a_shared_account_is_named_to_nobody_else() {
        let said = |kind, namespace: Option<&str>, reason| {
            let account = AccountId { kind, namespace: namespace.map(str::to_owned), name: "a".to_owned() };
            told(&account, &Trouble::new(reason, "Secret vault/key does not exist")).to_string()
        };
        let shared = said(AccountKind::ClusterIotAccount, None, Reason::CredentialsNotFound);
        assert!(shared.contains("ClusterIotAccount a") && !shared.contains("vault"), "{shared}");
        let own = said(AccountKind::IotAccount, Some("vault"), Reason::CredentialsNotFound);
        assert!(own.contains("vault/key"), "{own}");
        let other = said(AccountKind::ClusterIotAccount, None, Reason::Throttled);
        assert!(other.contains("vault/key"), "only what is known to speak of a Secret is left out: {other}");
    }
}
