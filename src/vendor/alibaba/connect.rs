//! A client of what an account and its credentials Secret say.

use super::{Alibaba, BUDGETS, Settings};
use crate::api::credentials_key;
use crate::vendor::AnyCloud;
use crate::vendor::connection::{Access, ConnectionError};

/// The id that tells keys apart, and a client; nothing is sent yet.
pub(in crate::vendor) fn connect(access: &Access<'_>) -> Result<(String, AnyCloud), ConnectionError> {
    let account = access.settings.alibaba.clone().unwrap_or_default();
    let key_id = access.id(credentials_key::ACCESS_KEY_ID)?;
    let cloud = Alibaba::new(Settings {
        endpoint: access.endpoint.clone(),
        region: access.region(),
        instance: account.instance_id,
        signature: account.signature,
        key_id: key_id.clone(),
        secret: access.secret(credentials_key::ACCESS_KEY_SECRET)?,
        token: access.optional(credentials_key::SECURITY_TOKEN),
        transport: access.transport()?,
        limiter: access.limiter(BUDGETS),
        metrics: access.metrics(),
    });
    let cloud =
        cloud.ok_or_else(|| ConnectionError::NoUrl(format!("of region {}", access.settings.region())))?;
    Ok((key_id, AnyCloud::Alibaba(cloud)))
}
