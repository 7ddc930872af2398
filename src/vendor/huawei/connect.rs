//! A client of what an account and its credentials Secret say.

use super::{BUDGETS, Credentials, Huawei, Settings};
use crate::api::account::{HuaweiAccount, HuaweiAuthentication};
use crate::api::credentials_key;
use crate::vendor::AnyCloud;
use crate::vendor::connection::{Access, ConnectionError};

/// The id that tells keys apart, and a client; nothing is sent yet.
pub(in crate::vendor) fn connect(access: &Access<'_>) -> Result<(String, AnyCloud), ConnectionError> {
    let account = access.settings.huawei.as_ref().ok_or(ConnectionError::NoSection("huawei"))?;
    let (key_id, credentials) = match account.authentication {
        HuaweiAuthentication::AccessKey => key(access)?,
        HuaweiAuthentication::Password => user(access, account)?,
    };
    let cloud = Huawei::new(Settings {
        endpoint: access.endpoint.clone(),
        region: access.region(),
        project_id: account.project_id.clone(),
        instance_id: account.instance_id.clone(),
        credentials,
        transport: access.transport()?,
        limiter: access.limiter(BUDGETS),
        metrics: access.metrics(),
    });
    Ok((key_id, AnyCloud::Huawei(cloud)))
}

fn key(access: &Access<'_>) -> Result<(String, Credentials), ConnectionError> {
    let access_key = access.id(credentials_key::ACCESS_KEY)?;
    let host = access.settings.endpoint.as_deref().unwrap_or(access.settings.region());
    let credentials = Credentials::AccessKey {
        access_key: access_key.clone(),
        secret_key: access.secret(credentials_key::SECRET_KEY)?,
        security_token: access.optional(credentials_key::SECURITY_TOKEN),
        attempts: access.refusals().signing(host, &access_key),
    };
    Ok((access_key, credentials))
}

fn user(access: &Access<'_>, account: &HuaweiAccount) -> Result<(String, Credentials), ConnectionError> {
    let domain_name = access.id(credentials_key::DOMAIN_NAME)?;
    let user_name = access.id(credentials_key::USER_NAME)?;
    let host = account.iam_endpoint.as_deref().unwrap_or(access.settings.region());
    let id = format!("{domain_name}/{user_name}");
    let credentials = Credentials::Password {
        iam_endpoint: access.host(account.iam_endpoint.as_deref())?,
        attempts: access.refusals().login(host, &domain_name, &user_name),
        domain_name,
        user_name,
        password: access.secret(credentials_key::PASSWORD)?,
    };
    Ok((id, credentials))
}
