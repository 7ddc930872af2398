//! Whether an operator is at work: who holds the Lease renews it. Clocks of machines are not compared.

use std::io::Write;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, ResourceExt};
use tokio::time::{Instant, sleep};

use super::ReleaseError;
use crate::text::{SHOWN, printable};

/// How often the Lease is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Of a Lease that does not say how long it is held.
const DURATION: i32 = 30;

/// Ends well when nobody holds the Lease, or its holder does not renew it in time.
pub(super) async fn nobody_leads(
    client: &Client,
    namespace: &str,
    name: &str,
    out: &mut impl Write,
) -> Result<(), ReleaseError> {
    let api: Api<Lease> = Api::namespaced(client.clone(), namespace);
    let read = async || {
        let found = api.get_opt(name).await;
        found.map_err(|error| ReleaseError::of(format!("reading Lease {namespace}/{name}"), error))
    };
    let Some(first) = read().await? else {
        return Err(ReleaseError::NoLease { namespace: namespace.to_owned(), name: name.to_owned() });
    };
    let Some(holder) = holder(&first) else { return Ok(()) };
    let seconds = first.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).unwrap_or(DURATION);
    let limit = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    writeln!(
        out,
        "Lease {namespace}/{name} is in the name of {holder}; looking for {seconds}s whether it is renewed"
    )?;
    let begun = Instant::now();
    while begun.elapsed() <= limit {
        sleep(LOOK).await;
        let Some(lease) = read().await? else { return Ok(()) };
        let Some(holder) = self::holder(&lease) else { return Ok(()) };
        if lease.resource_version() != first.resource_version() {
            return Err(ReleaseError::Held {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                holder,
            });
        }
    }
    Ok(())
}

fn holder(lease: &Lease) -> Option<String> {
    let holder = lease.spec.as_ref()?.holder_identity.as_deref()?;
    // Whoever may write the Lease chooses the name, which is printed.
    Some(printable(holder, SHOWN, [])).filter(|holder| !holder.is_empty())
}
