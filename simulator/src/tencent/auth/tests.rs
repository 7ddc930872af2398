use super::*;

const COMPACT: &str = r#"{"ProductName":"fruit","ProductProperties":{"ProductDescription":"test","EncryptionType":"1","Region":"gz","ProductType":0,"Format":"json"}}"#;
const SPACED: &str = r#"{"ProductName": "fruit", "ProductProperties": {"ProductDescription": "test", "EncryptionType": "1", "Region": "gz", "ProductType": 0, "Format": "json"}}"#;
const HOST: &str = "iotcloud.tencentcloudapi.com";
const JSON: &str = "application/json";
const JSON_UTF8: &str = "application/json; charset=utf-8";

struct Vector {
    number: u8,
    host: &'static str,
    content_type: &'static str,
    body: &'static str,
    query: Option<&'static str>,
    unsigned: bool,
    action: bool,
    signature: &'static str,
}

const BASE: Vector = Vector {
    number: 1,
    host: HOST,
    content_type: JSON,
    body: COMPACT,
    query: None,
    unsigned: false,
    action: false,
    signature: "011cc89c4e95de659b313afc6483a32402c90d3d805c716f1d0f68935f2fbd99",
};

/// Computed with the vendor's Python SDK; vector 4 differs from 2 only in a token that is not signed.
#[expect(clippy::too_many_lines, reason = "a table")]
fn vectors() -> Vec<Vector> {
    vec![
        BASE,
        Vector {
            number: 2,
            body: SPACED,
            signature: "47a3699771b2c0afeccf4c2077158100e3598c358d32f6b8b8e7c3b7844063ab",
            ..BASE
        },
        Vector {
            number: 3,
            body: SPACED,
            host: "iotcloud.intl.tencentcloudapi.com",
            signature: "c6cfe4885ef14cd8fc5f11e652dc6ad2e4acb32732e5a92cdc4c5cc8f2f52bba",
            ..BASE
        },
        Vector {
            number: 5,
            body: SPACED,
            unsigned: true,
            signature: "cfbb5ee05069b5b77c160328eb0e645eaa96172b9640347c8733a959d81afdd6",
            ..BASE
        },
        Vector {
            number: 6,
            content_type: JSON_UTF8,
            signature: "d15585df3cf7be6ea8d650244abf693a4b83f6e8302a411a3899ee77109cec15",
            ..BASE
        },
        Vector {
            number: 7,
            content_type: JSON_UTF8,
            action: true,
            signature: "a0ca363fce6f364f7a52a80de6e611f935a6d16bd1bccfd1b356a3e2986fa264",
            ..BASE
        },
        Vector {
            number: 8,
            host: "127.0.0.1:8080",
            signature: "4764575ead1da12029d90ef67788bcf58bb2d77b64f2be1eb5d11ee8cb91824e",
            ..BASE
        },
        Vector {
            number: 9,
            body: r#"{"ProductName":"fruit","ProductProperties":{"ProductDescription":"温度传感器"}}"#,
            signature: "ddc038156e10cfaf3e0f8cb05f0ab782c7f3ba6694e6729270df0068e9620dac",
            ..BASE
        },
        Vector {
            number: 10,
            body: r#"{"ProductId":"ABCDE12345"}"#,
            signature: "b9b880ca17ec00b045b57878be370578b6b8c1c82e197bcb5ad8e0472b2b8a8f",
            ..BASE
        },
        Vector {
            number: 11,
            content_type: "application/x-www-form-urlencoded",
            body: "",
            query: Some("Offset=0&Limit=10"),
            signature: "9d4c287fa2b1fe321fba16eb08fb2e6191877eee371c67e49659946ae6942ae2",
            ..BASE
        },
    ]
}

fn header_text(signature: &str, action: bool) -> String {
    let names = if action { "content-type;host;x-tc-action" } else { "content-type;host" };
    format!(
        "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2023-11-14/iotcloud/tc3_request, SignedHeaders={names}, Signature={signature}"
    )
}

fn check(vector: &Vector, secret_key: &str, timestamp: i64) -> Result<(), Refusal> {
    let authorization = parse(&header_text(vector.signature, vector.action)).unwrap();
    let request = Signed {
        method: if vector.query.is_some() { "GET" } else { "POST" },
        query: vector.query.unwrap_or(""),
        body: vector.body.as_bytes(),
        unsigned_payload: vector.unsigned,
        timestamp,
    };
    verify(&authorization, &request, secret_key, |name| match name {
        "content-type" => Some(vector.content_type.to_owned()),
        "host" => Some(vector.host.to_owned()),
        "x-tc-action" => Some("CreateProduct".to_owned()),
        _ => None,
    })
}

#[test]
fn every_vector_of_the_vendors_sdk_verifies() {
    for vector in vectors() {
        assert_eq!(check(&vector, "SECRETKEYEXAMPLE", 1_700_000_000), Ok(()), "vector {}", vector.number);
    }
}

#[test]
fn a_change_of_any_signed_part_is_refused() {
    let changed = [
        Vector { host: "iotcloud.intl.tencentcloudapi.com", ..BASE },
        Vector { body: SPACED, ..BASE },
        Vector { content_type: JSON_UTF8, ..BASE },
        Vector { unsigned: true, ..BASE },
        Vector { query: Some(""), ..BASE },
        Vector { action: true, ..BASE },
    ];
    for vector in &changed {
        let refusal = check(vector, "SECRETKEYEXAMPLE", 1_700_000_000).unwrap_err();
        assert_eq!(refusal.code, "AuthFailure.SignatureFailure");
    }
    assert!(check(&BASE, "SECRETKEYEXAMPLf", 1_700_000_000).is_err(), "wrong key");
    assert!(check(&BASE, "SECRETKEYEXAMPLE", 1_700_000_001).is_err(), "other time");
    assert!(check(&BASE, "SECRETKEYEXAMPLE", 1_700_010_000).is_err(), "other UTC date");
}

#[test]
fn the_scope_must_be_of_this_service() {
    let text = header_text(BASE.signature, false).replace("/iotcloud/", "/cvm/");
    let authorization = parse(&text).unwrap();
    let request =
        Signed { method: "POST", query: "", body: b"", unsigned_payload: false, timestamp: 1_700_000_000 };
    let refusal = verify(&authorization, &request, "k", |_| Some(String::new())).unwrap_err();
    assert!(refusal.message.contains("another service"), "{}", refusal.message);
}

#[test]
fn malformed_headers_are_not_parsed() {
    let good = header_text(BASE.signature, false);
    assert!(parse(&good).is_some());
    assert!(parse(&good.replace(", ", ",")).is_some(), "the space is optional");
    for bad in [
        String::new(),
        "Bearer abc".to_owned(),
        good.replace("TC3-HMAC-SHA256", "TC3-HMAC-SHA1"),
        good.replace("/tc3_request", "/aws4_request"),
        good.replace("content-type;host", "host;content-type"),
        good.replace("content-type;host", "host"),
        good.replace("content-type", "Content-Type"),
        good.replace("Credential=AKIDEXAMPLE", "Credential="),
        good.replace("Signature=011cc8", "Signature=011CC8"),
        format!("{good}0"),
        format!("{good}, Extra=1"),
    ] {
        assert!(parse(&bad).is_none(), "{bad}");
    }
}

#[test]
fn five_minutes_are_the_limit() {
    assert_eq!(check_window(1_700_000_000, 1_700_000_300), Ok(()));
    assert_eq!(check_window(1_700_000_300, 1_700_000_000), Ok(()));
    for now in [1_700_000_301, 1_699_999_699] {
        assert_eq!(check_window(1_700_000_000, now).unwrap_err().code, "AuthFailure.SignatureExpire");
    }
}
