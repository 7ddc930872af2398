//! The output Secret of a product whose password only the operator knows: write-ahead (protocol, "Secrets").

use std::collections::BTreeMap;

use crate::api::core::Secret;
use aws_lc_rs::{digest, rand};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use kube::ResourceExt;
use kube::api::Api;
use secrecy::{ExposeSecret, SecretString};

use super::connect::Link;
use super::error::{ConnectError, Error};
use super::settle::output;
use super::visit::Visit;
use crate::api::{
    IotProductStatus, PASSWORD_ROTATION_ANNOTATION, PASSWORD_SETTLES_ANNOTATION, ROTATE_PASSWORD_ANNOTATION,
    Reason, output_key,
};
use crate::plan::origin::Origin;
use crate::plan::password::{Known, Step, Wish, step};
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
    /// When it is to be looked at again: an unclear call may be under way until then.
    pub again: Option<Timestamp>,
}

/// The Secret's side of a password.
struct Held {
    stored: Option<Secret>,
    /// Everything else that it says of this product. Keys are never removed for the same product.
    others: BTreeMap<String, ByteString>,
    intact: bool,
    password: Option<SecretString>,
    pending: Option<SecretString>,
    /// Of the pending one.
    settles: Option<Timestamp>,
    /// The wish that the newest value was made for.
    rotation: Option<String>,
}

/// Verifies or sets the password and the Secret that holds it.
pub async fn keep(
    visit: &mut Visit<'_>,
    link: &Link,
    product: &Observed,
    created: bool,
) -> Result<Kept, Error> {
    let mut want = output(visit, link, product, &visit.object.secret_name());
    if let Some(user) = link.connection.cloud.user(&product.fields) {
        want.plain.insert(output_key::USERNAME, user);
    }
    let api = visit.ctx.secrets(&visit.namespace);
    let mut held = held(visit, &api, &want).await?;
    let (asked, status) = (visit.rotation(), visit.status());
    let fresh = created || fresh(visit, link, product, &held).await?;
    let wish = wish(asked.as_deref(), &status, &held);
    let mut again = None;
    match step(known(&status, &held, wish, fresh)) {
        Step::Lost => return Err(lost(&want.name).into()),
        Step::Keep | Step::Confirm => held.write(visit, &api, &want).await?,
        Step::Hold(settles) => {
            held.write(visit, &api, &want).await?;
            again = Some(settles);
        }
        step @ (Step::SendPending | Step::SendNew) => {
            if step == Step::SendNew {
                let rotates = wish.is_open();
                held.pending = Some(made()?);
                held.rotation = if rotates { asked.clone() } else { held.rotation };
            }
            // The serial of what was created a moment ago was read just now.
            let target = if created { Target::id(&product.id) } else { product.target() };
            again = send(visit, link, target, &api, &mut held, &want).await?;
        }
    }
    let kept = kept(asked, status, &held, again);
    if kept.rotation != visit.status().last_handled_rotation {
        let note = format!("product {} has a new password, as it was asked for", product.id);
        visit.ctx.events.normal(&visit.object, "PasswordRotated", "SetPassword", &note).await;
    }
    Ok(kept)
}

fn wish<'a>(asked: Option<&'a str>, status: &'a IotProductStatus, held: &'a Held) -> Wish<'a> {
    let handled = status.last_handled_rotation.as_deref();
    Wish { asked, handled, written: held.rotation.as_deref() }
}

fn known(status: &IotProductStatus, held: &Held, wish: Wish<'_>, fresh: bool) -> Known {
    let compared = |password| status.password_hash.as_ref().map(|hash| hashes_to(password, hash));
    Known {
        stored: held.password.is_some(),
        // The hash of an older value tells nothing of a newer one.
        matches: held
            .password
            .as_ref()
            .and_then(compared)
            .filter(|matches| *matches || !(wish.is_ahead() && held.intact)),
        pending: held.pending.is_some(),
        confirmed: same(held.pending.as_ref(), held.password.as_ref()),
        settles: held.settles,
        rotate: wish.is_open(),
        fresh,
        now: crate::clock::now(),
    }
}

fn kept(asked: Option<String>, status: IotProductStatus, held: &Held, again: Option<Timestamp>) -> Kept {
    let wish = wish(asked.as_deref(), &status, held);
    // What was asked for while another value was in doubt has its turn now.
    let again = again.or_else(|| wish.is_open().then(crate::clock::now));
    let carried_out = wish.is_ahead();
    let password = held.password.as_ref();
    let as_before = status.password_hash.filter(|hash| password.is_some_and(|p| hashes_to(p, hash)));
    Kept {
        hash: as_before.or_else(|| password.map(hash)),
        rotation: if carried_out { asked } else { status.last_handled_rotation },
        again,
    }
}

/// Sends the pending value. From when on its delivery need not be feared is written down with it, before it
/// is sent, since nobody may be there to see the call end; only a clear answer confirms it. Returns until
/// when an earlier call of unclear end is still to be feared.
async fn send(
    visit: &Visit<'_>,
    link: &Link,
    target: Target<'_>,
    api: &Api<Secret>,
    held: &mut Held,
    want: &Output,
) -> Result<Option<Timestamp>, Error> {
    link.usable()?;
    let Some(value) = held.pending.clone() else { return Ok(None) };
    let before = held.settles;
    let call = visit.call();
    held.settles = Some(crate::clock::now() + visit.ctx.settings.vendor_timeout + LATE_DELIVERY);
    held.write(visit, api, want).await?;
    let user = want.plain.get(output_key::USERNAME).map(String::as_str);
    match link.connection.cloud.set_password(target, user, &value, call).await {
        Ok(()) => {
            held.password = Some(value);
            held.settles = before.filter(|settles| crate::clock::now() < *settles);
            held.pending = held.pending.take().filter(|_| held.settles.is_some());
            held.write(visit, api, want).await?;
            Ok(held.settles)
        }
        Err(error) => {
            if !error.is_unclear() {
                held.settles = before;
                held.write(visit, api, want).await?;
            }
            Err(error.into())
        }
    }
}

/// Whether a password may be made unasked: no confirmed one is known and no device can be cut off.
async fn fresh(visit: &Visit<'_>, link: &Link, product: &Observed, held: &Held) -> Result<bool, Error> {
    let status = visit.status();
    if status.origin != Some(Origin::Created)
        || held.password.is_some()
        || held.pending.is_some()
        || status.password_hash.is_some()
    {
        return Ok(false);
    }
    link.usable()?;
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
    // What it says of another product is worth nothing for this one.
    let of_product = source.filter(|source| secret::names_product(source, want));
    let text = |key: &str| {
        let value = of_product?.data.as_ref()?.get(key).filter(|value| !value.0.is_empty())?;
        String::from_utf8(value.0.clone()).ok().map(SecretString::from)
    };
    let noted = |annotation: &str| of_product.and_then(|source| source.annotations().get(annotation));
    let pending = text(output_key::PENDING_PASSWORD);
    let settles = noted(PASSWORD_SETTLES_ANNOTATION).filter(|_| pending.is_some());
    let others = of_product.and_then(|source| source.data.clone()).unwrap_or_default().into_iter();
    let of_password = [output_key::PASSWORD, output_key::PENDING_PASSWORD];
    Ok(Held {
        others: others.filter(|(key, _)| !of_password.contains(&key.as_str())).collect(),
        intact: of_product.is_some_and(secret::is_intact),
        password: text(output_key::PASSWORD),
        pending,
        settles: settles.and_then(|settles| settles.parse().ok()),
        rotation: noted(PASSWORD_ROTATION_ANNOTATION).cloned(),
        stored,
    })
}

impl Held {
    /// Brings the Secret to what is held here. One write replaces all keys.
    async fn write(
        &mut self,
        visit: &Visit<'_>,
        api: &Api<Secret>,
        want: &Output,
    ) -> Result<(), RecordError> {
        let plain = want.plain.iter().map(|(key, value)| (*key, value.as_str()));
        let secret = [
            (output_key::PASSWORD, self.password.as_ref()),
            (output_key::PENDING_PASSWORD, self.pending.as_ref()),
        ];
        let secret = secret.into_iter().filter_map(|(key, value)| Some((key, value?.expose_secret())));
        let bytes = |(key, value): (&str, &str)| (key.to_owned(), ByteString(value.as_bytes().to_vec()));
        let mut data = self.others.clone();
        data.extend(plain.chain(secret).map(bytes));
        let mut want = want.clone();
        let settles = self.settles.map(|settles| settles.to_string());
        for (annotation, value) in
            [(PASSWORD_SETTLES_ANNOTATION, settles), (PASSWORD_ROTATION_ANNOTATION, self.rotation.clone())]
        {
            want.annotations.extend(value.map(|value| (annotation.to_owned(), value)));
        }
        if let Some(written) = secret::put(api, self.stored.as_ref(), &want, data).await? {
            visit.ctx.metrics.secret_written();
            self.stored = Some(written);
        }
        Ok(())
    }
}

fn lost(name: &str) -> ConnectError {
    ConnectError::Unusable {
        reason: Reason::SecretLost,
        message: format!(
            "Secret {name} does not have the product's password, and the vendor does not show it: restore the Secret, or annotate the IotProduct with {ROTATE_PASSWORD_ANNOTATION}=<any new value> to have a new one set, which disconnects devices that use the old one"
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
