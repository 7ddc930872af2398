//! An account's connection, made of its settings and its key.

use std::collections::BTreeMap;

use crate::api::core::Secret;
use base64::Engine as _;
use secrecy::SecretString;

use super::accounts::Trouble;
use super::context::Context;
use super::credentials;
use super::reconcile::chain;
use crate::api::{AccountView, Reason};
use crate::vendor::connection::{Connection, ConnectionError, SharedBudget, Surroundings};

/// Makes the connection, or says what is missing for it. No vendor call.
pub fn connection(
    view: &AccountView<'_>,
    ctx: &Context,
    secret: Option<&Secret>,
    budget: &SharedBudget,
) -> Result<Connection, Trouble> {
    let Some(secret) = secret else {
        let message = format!(
            "Secret {}/{} does not exist; create it with the vendor's key, which is seen within 15s",
            view.credentials.namespace, view.credentials.name
        );
        return Err(Trouble::new(Reason::CredentialsNotFound, message));
    };
    credentials::serves(view, secret)?;
    let data = secret.data.clone().unwrap_or_default();
    let credentials: BTreeMap<String, SecretString> =
        data.into_iter().filter_map(|(key, value)| Some((key, credentials::text(&value)?))).collect();
    let bundle = match &view.settings.ca_bundle {
        None => None,
        Some(text) => Some(base64::engine::general_purpose::STANDARD.decode(text.trim()).map_err(|_| {
            let message = "caBundle is not base64; write PEM certificates, base64-encoded";
            Trouble::new(Reason::EndpointMisconfigured, message)
        })?),
    };
    let tenant = view.namespace.unwrap_or_default().into();
    let surroundings = Surroundings { tenant, ..ctx.surroundings.clone() };
    Connection::new(view.settings, &credentials, bundle, &surroundings, budget).map_err(|error| {
        let reason = match &error {
            ConnectionError::MissingKey(_) => Reason::CredentialsNotFound,
            ConnectionError::Endpoint { .. } => Reason::EndpointNotAllowed,
            ConnectionError::NoUrl(_)
            | ConnectionError::NoSection(_)
            | ConnectionError::CaBundle
            | ConnectionError::Transport(_) => Reason::EndpointMisconfigured,
        };
        Trouble::new(reason, chain(&error))
    })
}
