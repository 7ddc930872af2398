//! A client of what an account and its credentials Secret say.

use super::{BUDGETS, Settings, TencentLegacy};
use crate::api::credentials_key;
use crate::vendor::AnyCloud;
use crate::vendor::connection::{Access, ConnectionError};

/// The id that tells keys apart, and a client; nothing is sent yet.
pub(in crate::vendor) fn connect(access: &Access<'_>) -> Result<(String, AnyCloud), ConnectionError> {
    let secret_id = access.id(credentials_key::SECRET_ID)?;
    let cloud = TencentLegacy::new(Settings {
        endpoint: access.endpoint.clone(),
        region: access.region(),
        secret_id: secret_id.clone(),
        secret_key: access.secret(credentials_key::SECRET_KEY)?,
        token: access.optional(credentials_key::TOKEN),
        transport: access.transport()?,
        limiter: access.limiter(BUDGETS),
        metrics: access.metrics(),
    });
    Ok((secret_id, AnyCloud::TencentLegacy(cloud)))
}
