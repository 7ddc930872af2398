//! The output Secret of a product whose password only the operator knows: write-ahead (protocol, "Secrets").

use std::collections::BTreeMap;

use aws_lc_rs::{digest, rand};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::Api;
use secrecy::{ExposeSecret, SecretString};

use super::connect::Link;
use super::error::{ConnectError, Error};
use super::settle::output;
use super::visit::Visit;
use crate::api::{PASSWORD_SETTLES_ANNOTATION, ROTATE_PASSWORD_ANNOTATION, Reason, output_key};
use crate::plan::password::{Known, Step, step};
use crate::record::RecordError;
use crate::record::secret::{self, Output, Stored};
use crate::vendor::{Cloud, Observed, Target};

/// How long after the deadline of an unclear call its delivery is still to be feared.
const LATE_DELIVERY: SignedDuration = SignedDuration::from_secs(60);
/// Length of a password that is made here.
const LENGTH: usize = 32;
/// What it is made of: what every edition of the vendor's rules allows. The four kinds that they ask for are
/// in the fixed head.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const HEAD: &str = "aA0-";

/// What status keeps of a password.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Salted hash of the confirmed one.
    pub hash: Option<String>,
    /// The wish for a new one that was carried out.
    pub rotation: Option<String>,
    /// When it is to be sent once more.
    pub again: Option<Timestamp>,
}

/// The Secret's side of a password.
struct Held {
    stored: Option<Secret>,
    password: Option<SecretString>,
    pending: Option<SecretString>,
    settles: Option<Timestamp>,
}

/// Verifies or sets the password and the Secret that holds it.
pub async fn keep(
    visit: &mut Visit<'_>,
    link: &Link,
    product: &Observed,
    created: bool,
) -> Result<Kept, Error> {
    let api = visit.ctx.secrets(&visit.namespace);
    let mut want = output(visit, link, product, &visit.object.secret_name());
    if let Some(user) = link.connection.cloud.user(&product.fields) {
        want.plain.insert(output_key::USERNAME, user);
    }
    let held = held(visit, &api, &want).await?;
    let asked = visit.object.annotations().get(ROTATE_PASSWORD_ANNOTATION).cloned();
    let status = visit.status();
    let rotate = asked.is_some() && asked != status.last_handled_rotation;
    let known = Known {
        stored: held.password.is_some(),
        matches: held.password.as_ref().and_then(|p| status.password_hash.as_ref().map(|h| hashes_to(p, h))),
        pending: held.pending.is_some(),
        confirmed: same(held.pending.as_ref(), held.password.as_ref()),
        settles: held.settles,
        rotate,
        fresh: created || fresh(visit, link, product, &held).await?,
        now: Timestamp::now(),
    };
    let mut kept = Kept {
        hash: status.password_hash.clone(),
        rotation: status.last_handled_rotation.clone(),
        again: None,
    };
    match step(known) {
        Step::Lost => return Err(lost(&want.name).into()),
        Step::Keep => write(&api, &held, &want, held.password.as_ref(), None, None).await?,
        Step::Confirm => {
            write(&api, &held, &want, held.password.as_ref(), None, None).await?;
            kept.hash = held.password.as_ref().map(hash);
        }
        Step::Hold(settles) => kept.again = Some(settles),
        Step::SendPending | Step::SendNew => {
            let value = match held.pending.clone() {
                Some(pending) => pending,
                None => made()?,
            };
            if held.pending.is_none() {
                write(&api, &held, &want, held.password.as_ref(), Some(&value), None).await?;
            }
            let written = self::held(visit, &api, &want).await?;
            // The serial of what was created a moment ago was read just now.
            let target = if created { Target::id(&product.id) } else { product.target() };
            kept.again = send(visit, link, target, &api, &written, &want, &value).await?;
            kept.hash = Some(hash(&value));
            if rotate {
                kept.rotation = asked;
            }
        }
    }
    Ok(kept)
}

/// Sends the value that is written down. Only a clear answer confirms it.
async fn send(
    visit: &Visit<'_>,
    link: &Link,
    target: Target<'_>,
    api: &Api<Secret>,
    held: &Held,
    want: &Output,
    value: &SecretString,
) -> Result<Option<Timestamp>, Error> {
    link.usable()?;
    let call = visit.call();
    let deadline = Timestamp::now() + visit.ctx.settings.vendor_timeout;
    let user = want.plain.get(output_key::USERNAME).map(String::as_str);
    match link.connection.cloud.set_password(target, user, value, call).await {
        Ok(()) => {
            let again = held.settles.filter(|settles| Timestamp::now() < *settles);
            let pending = again.map(|_| value);
            write(api, held, want, Some(value), pending, again).await?;
            Ok(again)
        }
        Err(error) => {
            if error.is_unclear() {
                let settles = Some(deadline + LATE_DELIVERY);
                write(api, held, want, held.password.as_ref(), Some(value), settles).await?;
            }
            Err(error.into())
        }
    }
}

/// Whether a password may be made unasked: no confirmed one is known and no device can be cut off.
async fn fresh(visit: &Visit<'_>, link: &Link, product: &Observed, held: &Held) -> Result<bool, Error> {
    let status = visit.status();
    let ours = status.creation_attempt.is_some_and(|attempt| attempt > 0);
    if !ours || held.password.is_some() || held.pending.is_some() || status.password_hash.is_some() {
        return Ok(false);
    }
    Ok(link.connection.cloud.devices(&product.id, visit.call()).await? == 0)
}

async fn held(visit: &Visit<'_>, api: &Api<Secret>, want: &Output) -> Result<Held, Error> {
    let stored = secret::read(api, &want.name).await?;
    let lives = |uid: &str| visit.ctx.lives(uid, &visit.uid);
    if let Some(Stored::Foreign(message)) =
        stored.as_ref().map(|stored| secret::compare(stored, want, &lives))
    {
        return Err(RecordError::SecretConflict(message).into());
    }
    // A renamed Secret: the new one is made of what the old one holds.
    let last = visit.status().secret_ref.map(|secret| secret.name).filter(|last| *last != want.name);
    let moved = match (&stored, last) {
        (None, Some(last)) => secret::read(api, &last).await?.filter(|old| secret::is_of(old, &visit.uid)),
        _ => None,
    };
    let source = stored.as_ref().or(moved.as_ref());
    let same_product = source.is_some_and(|source| secret::names_product(source, want));
    let text = |key: &str| {
        let value = source?.data.as_ref()?.get(key).filter(|value| !value.0.is_empty())?;
        String::from_utf8(value.0.clone()).ok().filter(|_| same_product).map(SecretString::from)
    };
    let settles = source.and_then(|source| source.annotations().get(PASSWORD_SETTLES_ANNOTATION));
    Ok(Held {
        password: text(output_key::PASSWORD),
        pending: text(output_key::PENDING_PASSWORD),
        settles: settles.and_then(|settles| settles.parse().ok()),
        stored,
    })
}

async fn write(
    api: &Api<Secret>,
    held: &Held,
    want: &Output,
    password: Option<&SecretString>,
    pending: Option<&SecretString>,
    settles: Option<Timestamp>,
) -> Result<(), RecordError> {
    let mut data: BTreeMap<String, ByteString> = want
        .plain
        .iter()
        .map(|(key, value)| ((*key).to_owned(), ByteString(value.clone().into_bytes())))
        .collect();
    for (key, value) in [(output_key::PASSWORD, password), (output_key::PENDING_PASSWORD, pending)] {
        if let Some(value) = value {
            data.insert(key.to_owned(), ByteString(value.expose_secret().as_bytes().to_vec()));
        }
    }
    let mut want = want.clone();
    if let Some(settles) = settles {
        want.annotations.insert(PASSWORD_SETTLES_ANNOTATION.to_owned(), settles.to_string());
    }
    secret::put(api, held.stored.as_ref(), &want, data).await
}

fn lost(name: &str) -> ConnectError {
    ConnectError::Unusable {
        reason: Reason::SecretLost,
        message: format!(
            "the password in Secret {name} is gone or altered, and the vendor does not show it: restore the Secret, or annotate the IotProduct with {ROTATE_PASSWORD_ANNOTATION}=<any new value> to have a new one set, which disconnects devices that use the old one"
        ),
    }
}

fn same(a: Option<&SecretString>, b: Option<&SecretString>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a.expose_secret() == b.expose_secret())
}

fn made() -> Result<SecretString, ConnectError> {
    let mut bytes = [0_u8; LENGTH];
    rand::fill(&mut bytes).map_err(|_| ConnectError::Unusable {
        reason: Reason::Updating,
        message: "the system gave no random bytes for a password".to_owned(),
    })?;
    let drawn = bytes.iter().skip(HEAD.len()).map(|byte| char::from(ALPHABET[usize::from(byte % 64)]));
    Ok(SecretString::from(HEAD.chars().chain(drawn).collect::<String>()))
}

/// `<salt>:<hash>`, both hex.
fn hash(password: &SecretString) -> String {
    let mut salt = [0_u8; 8];
    // Without randomness the salt is zero and the hash still tells an altered password.
    let _ = rand::fill(&mut salt);
    salted(&salt, password)
}

fn salted(salt: &[u8], password: &SecretString) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(salt);
    context.update(password.expose_secret().as_bytes());
    format!("{}:{}", hex::encode(salt), hex::encode(context.finish()))
}

fn hashes_to(password: &SecretString, hash: &str) -> bool {
    let salt = hash.split_once(':').and_then(|(salt, _)| hex::decode(salt).ok());
    salt.is_some_and(|salt| salted(&salt, password) == hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_knows_its_password_and_no_other() {
        let (one, other) = (SecretString::from("one"), SecretString::from("other"));
        let hash = hash(&one);
        assert!(hashes_to(&one, &hash) && !hashes_to(&other, &hash));
        assert!(!hash.contains("one"));
        assert!(!hashes_to(&one, "damaged"));
    }

    #[test]
    fn made_passwords_have_what_the_vendor_asks_for_and_differ() {
        let password = made().unwrap();
        let text = password.expose_secret();
        assert_eq!(text.len(), LENGTH);
        for kind in [char::is_uppercase, char::is_lowercase, char::is_numeric] {
            assert!(text.chars().any(kind), "{text}");
        }
        assert!(text.contains('-'));
        assert_ne!(text, made().unwrap().expose_secret());
    }
}
