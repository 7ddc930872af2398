//! Verification of the older signature (`HmacSHA1`, `HmacSHA256`) over all parameters of a request.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::refusal::Refusal;

/// The text that is signed: every parameter except `Signature`, sorted, values as they are.
fn string_to_sign(method: &str, host: &str, parameters: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> =
        parameters.iter().filter(|(name, _)| name != "Signature").collect();
    sorted.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    let pairs: Vec<String> = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{method}{host}/?{}", pairs.join("&"))
}

/// Checks the `Signature` parameter. Only the exact value `HmacSHA256` of `SignatureMethod` selects
/// SHA-256; anything else, or nothing, means `HmacSHA1`.
pub(crate) fn verify(
    method: &str,
    host: &str,
    parameters: &[(String, String)],
    secret_key: &str,
) -> Result<(), Refusal> {
    let find = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let algorithm = match find("SignatureMethod") {
        Some("HmacSHA256") => hmac::HMAC_SHA256,
        _ => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
    };
    let given = STANDARD.decode(find("Signature").unwrap_or_default()).unwrap_or_default();
    let text = string_to_sign(method, host, parameters);
    hmac::verify(&hmac::Key::new(algorithm, secret_key.as_bytes()), text.as_bytes(), &given).map_err(|_| {
        Refusal::new(
            "AuthFailure.SignatureFailure",
            "The provided credentials could not be validated: the signature is wrong.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(method: Option<&str>, signature: &str) -> Vec<(String, String)> {
        let mut pairs = vec![
            ("Timestamp", "1700000000"),
            ("Action", "CreateProduct"),
            ("ProductName", "fruit"),
            ("ProductProperties.ProductDescription", "test"),
            ("ProductProperties.EncryptionType", "1"),
            ("ProductProperties.Region", "gz"),
            ("ProductProperties.ProductType", "0"),
            ("ProductProperties.Format", "json"),
            ("Region", "ap-guangzhou"),
            ("Nonce", "11886"),
            ("SecretId", "AKIDEXAMPLE"),
            ("Version", "2021-04-08"),
            ("Signature", signature),
        ];
        pairs.extend(method.map(|method| ("SignatureMethod", method)));
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn every_vector_of_the_vendors_sdk_verifies() {
        for (verb, method, signature) in [
            ("GET", Some("HmacSHA1"), "SUgMrJHXiQnC0mPL4WrKdw2AF7I="),
            ("GET", None, "JcgsvoudN6Am0hKDDNsgqGjcK+c="),
            ("GET", Some("HmacSHA256"), "UEl8I2C90fCp3x+uNJRbOCpH2aZcid0ix57qBgId5BA="),
            ("POST", Some("HmacSHA1"), "HYyWkIBodMomIgXDpNnV3l0ueBg="),
            ("POST", Some("HmacSHA256"), "qA+LOIgWY30a3x8mD0ggqmSLZtkJyHtSBP+YZ909dn4="),
        ] {
            let host = "iotcloud.tencentcloudapi.com";
            let parameters = parameters(method, signature);
            assert_eq!(verify(verb, host, &parameters, "SECRETKEYEXAMPLE"), Ok(()), "{verb} {method:?}");
            assert!(verify(verb, host, &parameters, "OTHER").is_err());
            assert!(verify(verb, "127.0.0.1", &parameters, "SECRETKEYEXAMPLE").is_err());
        }
    }
}
