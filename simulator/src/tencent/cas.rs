//! Private CA certificates of an account and their binding to products.

use serde::Serialize;

use super::account::PrivateCa;
use super::actions::{Context, Done};
use super::product::Product;
use super::refusal::Refusal;
use super::schema::{Field, Kind, Params, required};

/// CAs that an account may have.
const LIMIT: usize = 10;

pub(crate) const CREATE: &[Field] = &[
    required("CertName", Kind::Text),
    required("CertText", Kind::Text),
    required("VerifyCertText", Kind::Text),
];
pub(crate) const BY_NAME: &[Field] = &[required("CertName", Kind::Text)];

fn is_pem(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("-----BEGIN CERTIFICATE-----") && text.ends_with("-----END CERTIFICATE-----")
}

fn no_ca(name: &str) -> Refusal {
    Refusal::new("ResourceNotFound.CACertNotExist", format!("The CA certificate `{name}` does not exist."))
}

pub(crate) fn create(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let text_of = |name| params.text(name).unwrap_or_default();
    let (name, text) = (text_of("CertName"), text_of("CertText"));
    if !(1..=32).contains(&name.chars().count()) {
        return Err(Refusal::value("The parameter `CertName` must have 1 to 32 characters."));
    }
    if !is_pem(text) || !is_pem(text_of("VerifyCertText")) {
        return Err(Refusal::new("InvalidParameterValue.CACertInvalid", "The text is no PEM certificate."));
    }
    let mut state = context.account.state();
    let limit = |code: &str, message: &str| Err(Refusal::new(&format!("LimitExceeded.{code}"), message));
    if state.cas.contains_key(name) {
        return limit("CACertNameRepeat", "A CA certificate of that name exists already.");
    }
    if state.cas.values().any(|ca| ca.text == text) {
        return limit("CARepeat", "That CA certificate exists already.");
    }
    if state.cas.len() >= LIMIT {
        return limit("CACertLimit", "The account has its CA certificates already.");
    }
    let ca = PrivateCa { text: text.to_owned(), created: context.moment.unix_seconds };
    state.cas.insert(name.to_owned(), ca);
    Ok(Done::nothing())
}

pub(crate) fn delete(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let name = params.text("CertName").unwrap_or_default();
    let mut state = context.account.state();
    if !state.cas.contains_key(name) {
        return Err(no_ca(name));
    }
    if state.products.all().iter().any(|product| product.private_ca_name == name) {
        let message = "The CA certificate is bound to a product.";
        return Err(Refusal::new("LimitExceeded.CAAlreadyBindProduct", message));
    }
    state.cas.remove(name);
    Ok(Done::nothing())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CertInfo<'a> {
    cert_name: &'a str,
    cert_text: &'a str,
    create_time: i64,
}

#[derive(Serialize)]
struct CertList<'a> {
    #[serde(rename = "CAs")]
    cas: Vec<CertInfo<'a>>,
}

pub(crate) fn list(context: &Context<'_>, _: &Params) -> Result<Done, Refusal> {
    let state = context.account.state();
    let cas = state.cas.iter().map(|(name, ca)| CertInfo {
        cert_name: name,
        cert_text: &ca.text,
        create_time: ca.created,
    });
    Done::members(&CertList { cas: cas.collect() })
}

pub(crate) fn bind(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let name = params.text("CertName").unwrap_or_default();
    let mut state = context.account.state();
    let product = context.find(&state, params)?;
    if product.encryption_type != "1" || product.product_type != 0 {
        let message = "Only certificate products of the general type can have a private CA.";
        return Err(Refusal::new("LimitExceeded.CACertNotSupport", message));
    }
    if !state.cas.contains_key(name) {
        return Err(no_ca(name));
    }
    state.products.replace(Product { private_ca_name: name.to_owned(), ..product });
    Ok(Done::nothing())
}

pub(crate) fn unbind(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let mut state = context.account.state();
    let product = context.find(&state, params)?;
    if product.private_ca_name.is_empty() {
        let message = "The product has no private CA.";
        return Err(Refusal::new("InvalidParameterValue.CACertInvalid", message));
    }
    state.products.replace(Product { private_ca_name: String::new(), ..product });
    Ok(Done::nothing())
}
