use serde_json::Value;

use super::*;

fn vectors(style: &str) -> Vec<Value> {
    let file: Value =
        serde_json::from_str(include_str!("../../../../tests/vectors/alibaba-signatures.json")).unwrap();
    file[style].as_array().unwrap().clone()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn pairs(value: &Value) -> Parameters {
    let pair = |pair: &Value| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned());
    value.as_array().unwrap().iter().map(pair).collect()
}

#[test]
fn every_step_of_rpc_agrees_with_every_vector() {
    let vectors = vectors("rpc");
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let query = canonical_query(&pairs(&vector["parameters"]));
        let to_sign = rpc_string_to_sign(text(&vector, "method"), &query);
        if let Some(expected) = vector["stringToSign"].as_str() {
            assert_eq!(to_sign, expected);
        }
        let secret = text(&vector, "accessKeySecret").into();
        assert_eq!(rpc_signature(&secret, &to_sign), text(&vector, "signature"), "{}", vector["id"]);
    }
}

#[test]
fn every_step_of_acs3_agrees_with_every_vector() {
    let vectors = vectors("acs3");
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let query = canonical_query(&pairs(&vector["parameters"]));
        let headers = pairs(&vector["headers"]);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = text(&vector, "body").as_bytes();
        let signed = Signed { method: "POST", query: &query, headers: &headers, body };
        let canonical = canonical_request(signed);
        assert_eq!(sha256(canonical.as_bytes()), text(&vector, "canonicalHash"), "{}", vector["id"]);
        let secret = text(&vector, "accessKeySecret").into();
        let made = signature(&secret, &string_to_sign(&canonical));
        assert_eq!(made, text(&vector, "signature"), "{}", vector["id"]);
        let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        let (key_id, names) = (text(&vector, "accessKeyId"), names.join(";"));
        assert_eq!(
            authorization(key_id, signed, &made),
            format!("ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={made}")
        );
    }
}

#[test]
fn encoding_keeps_what_the_vendor_keeps_and_names_are_sorted_by_bytes() {
    assert_eq!(encode("aZ09-_.~ *+%/=路"), "aZ09-_.~%20%2A%2B%25%2F%3D%E8%B7%AF");
    let names = ["ProductTag.2.TagKey", "ProductTag.10.TagKey", "ProductTag.1.TagKey", "a", "B", "_"];
    let sorted = canonical_query(&names.map(|name| (name.to_owned(), String::new())));
    assert_eq!(sorted, "B=&ProductTag.1.TagKey=&ProductTag.10.TagKey=&ProductTag.2.TagKey=&_=&a=");
}

fn stamp() -> Stamp {
    Stamp { date: "2024-05-20T12:00:00Z".into(), nonce: "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf".into() }
}

fn signer(style: AlibabaSignature, token: Option<&str>) -> Signer {
    let (key_id, secret) = ("testid".to_owned(), "testsecret".into());
    Signer { style, key_id, secret, token: token.map(SecretString::from) }
}

fn business() -> Parameters {
    pairs(&vectors("acs3")[1]["parameters"])
}

#[test]
fn an_rpc_request_is_that_of_the_vector() {
    let ready = signer(AlibabaSignature::Rpc, None)
        .sign("h", "cn-shanghai", "CreateProduct", business(), &stamp())
        .unwrap();
    let vector = &vectors("rpc")[3];
    assert_eq!(vector["id"], "R3");
    let signature = encode(text(vector, "signature"));
    let query = canonical_query(&pairs(&vector["parameters"]));
    assert_eq!(ready.query, format!("{query}&Signature={signature}"));
    assert!(ready.body.is_empty() && !ready.headers.contains_key("content-type"));
}

#[test]
fn a_token_is_signed_and_never_in_the_url() {
    let token = Some("sts/token+value==");
    for style in [AlibabaSignature::Rpc, AlibabaSignature::Acs3] {
        let ready =
            signer(style, token).sign("h", "cn-shanghai", "QueryProduct", business(), &stamp()).unwrap();
        let without =
            signer(style, None).sign("h", "cn-shanghai", "QueryProduct", business(), &stamp()).unwrap();
        assert!(!ready.query.contains("sts"), "{}", ready.query);
        assert_ne!(ready.string_to_sign.expose_secret(), without.string_to_sign.expose_secret());
        match style {
            AlibabaSignature::Rpc => assert_eq!(&ready.body[..], b"SecurityToken=sts%2Ftoken%2Bvalue%3D%3D"),
            AlibabaSignature::Acs3 => {
                assert_eq!(ready.headers["x-acs-security-token"], "sts/token+value==");
                let authorization = ready.headers["authorization"].to_str().unwrap();
                let signed = "SignedHeaders=accept;host;x-acs-accesskey-id;x-acs-action;x-acs-content-sha256;\
                              x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version,";
                assert!(authorization.contains(signed), "{authorization}");
            }
        }
        assert!(!format!("{:?} {:?}", signer(style, token), ready.headers).contains("sts"));
    }
}

#[test]
fn stamps_are_the_vendors_form_and_never_the_same() {
    let now = Timestamp::from_millisecond(1_716_206_400_999).unwrap();
    let (one, two) = (Stamp::fresh(now).unwrap(), Stamp::fresh(now).unwrap());
    assert_eq!(one.date, "2024-05-20T12:00:00Z");
    assert_ne!(one.nonce, two.nonce);
    assert_eq!(one.nonce.len(), 32);
}
