//! What a create takes, as the vendor's page `CreateProduct` has it.

use super::account::Instance;
use super::params::Params;
use super::product::Product;
use super::refusal::Refusal;

fn is_chinese(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c) || ('\u{3400}'..='\u{4dbf}').contains(&c)
}

/// Length where a Chinese character counts 2.
fn width(text: &str) -> usize {
    text.chars().map(|c| if is_chinese(c) { 2 } else { 1 }).sum()
}

/// Chinese characters, letters, digits and `_`, of width 4 to 30.
pub(crate) fn check_name(name: &str) -> Result<(), Refusal> {
    let fits = (4..=30).contains(&width(name))
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || is_chinese(c));
    let refused =
        || Refusal::new("iot.prod.InvalidFormattedProductName", "The product name has a wrong form.");
    fits.then_some(()).ok_or_else(refused)
}

/// At most 100 characters.
pub(crate) fn check_description(description: &str) -> Result<(), Refusal> {
    if description.chars().count() <= 100 {
        return Ok(());
    }
    Err(Refusal::new("iot.prod.LongProductDesc", "The description is longer than 100 characters."))
}

/// Whether a tag is legal: key of letters, digits and `.`, value of Chinese, letters, digits, `_` and `-`.
pub(crate) fn is_tag(key: &str, value: &str) -> bool {
    (1..=30).contains(&key.len())
        && key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'.')
        && (1..=128).contains(&width(value))
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c) || is_chinese(c))
}

fn one_of(params: &Params, name: &str, allowed: &[&str]) -> Result<Option<String>, Refusal> {
    match params.text(name) {
        Some(text) if !allowed.contains(&text) => Err(Refusal::value(name)),
        sent => Ok(sent.map(str::to_owned)),
    }
}

/// The product that a create asks for, before it is known whether its name is free.
pub(crate) fn wanted(params: &Params, instance: &Instance) -> Result<Product, Refusal> {
    let name = params.text("ProductName").unwrap_or_default();
    check_name(name)?;
    let description = params.text("Description").unwrap_or_default();
    check_description(description)?;
    let node_type = params.number("NodeType")?.filter(|number| *number <= 1);
    let node_type =
        node_type.ok_or_else(|| Refusal::new("iot.prod.InvalidNodeType", "NodeType is 0 or 1."))?;
    let commodity = params.text("AliyunCommodityCode");
    if commodity.is_some_and(|code| code != "iothub_senior") {
        let message = "AliyunCommodityCode is iothub_senior or left out.";
        return Err(Refusal::new("iot.prod.InvalidAliyunCommodityCode", message));
    }
    let validate_type = params.number("ValidateType")?.unwrap_or(1);
    if !(1..=2).contains(&validate_type) {
        return Err(Refusal::value("ValidateType"));
    }
    params.flag("PublishAuto")?;
    let auth_type = auth_type(params)?;
    let product = Product {
        description: description.to_owned(),
        node_type,
        aliyun_commodity_code: commodity.unwrap_or("iothub").to_owned(),
        data_format: data_format(params, commodity.is_some())?,
        net_type: net_type(params)?,
        protocol_type: one_of(params, "ProtocolType", &["modbus", "opc-ua", "customize", "ble", "zigbee"])?
            .unwrap_or_default(),
        id2: auth_type == "id2",
        auth_type,
        validate_type,
        category_key: params.text("CategoryKey").unwrap_or_default().to_owned(),
        iot_instance_id: instance.id.clone(),
        ..Product::named(name)
    };
    check_combination(&product, instance)?;
    Ok(product)
}

/// Required with the Advanced edition; 0 or 1.
fn data_format(params: &Params, senior: bool) -> Result<u64, Refusal> {
    match params.number("DataFormat")? {
        Some(format @ 0..=1) => Ok(format),
        Some(_) => Err(Refusal::value("DataFormat")),
        None if senior => {
            Err(Refusal::new("iot.common.NullParameter", "DataFormat is required with iothub_senior."))
        }
        None => Ok(1),
    }
}

fn net_type(params: &Params) -> Result<String, Refusal> {
    let net_type = one_of(params, "NetType", &["WIFI", "CELLULAR", "ETHERNET", "OTHER", "LORA"])?;
    let net_type = net_type.unwrap_or_else(|| "WIFI".to_owned());
    if (net_type == "LORA") != params.text("JoinPermissionId").is_some() {
        return Err(Refusal::value("JoinPermissionId"));
    }
    Ok(net_type)
}

/// If `Id2` contradicts `AuthType`, the latter wins.
fn auth_type(params: &Params) -> Result<String, Refusal> {
    let id2 = params.flag("Id2")?.unwrap_or(false);
    match params.text("AuthType") {
        None => Ok(if id2 { "id2" } else { "secret" }.to_owned()),
        Some(text) if ["secret", "id2", "x509", "one-party"].contains(&text) => Ok(text.to_owned()),
        Some(_) => Err(Refusal::new("iot.prod.InvalidProductAuthType", "AuthType has no such value.")),
    }
}

fn check_combination(product: &Product, instance: &Instance) -> Result<(), Refusal> {
    let one_party = product.auth_type == "one-party";
    if one_party != instance.mqtt {
        let message = "one-party is for instances of the MQTT type, and required there.";
        return Err(Refusal::new("iot.prod.InvalidProductAuthType", message));
    }
    if product.auth_type == "id2" && product.net_type == "LORA" {
        return Err(Refusal::value("AuthType"));
    }
    let plain = product.node_type == 0 && product.data_format == 0 && !product.is_senior();
    if instance.mqtt && (!plain || product.net_type == "LORA") {
        return Err(Refusal::new(
            "iot.common.APINotSupportedInInstance",
            "The instance's type takes devices with bytes only.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(pairs: &[(&str, &str)], mqtt: bool) -> String {
        let mut all = vec![("ProductName", "Lamp_01"), ("NodeType", "0")];
        all.retain(|(name, _)| !pairs.iter().any(|(other, _)| other == name));
        all.extend(pairs);
        let params = Params::new(all.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect());
        let instance = Instance { mqtt, ..Instance::new("i") };
        wanted(&params, &instance).map_or_else(|refusal| refusal.code, |_| "OK".to_owned())
    }

    #[test]
    fn names_are_measured_by_width() {
        for good in ["Lamp", "路灯", "路灯_Lamp01", &"x".repeat(30), &"灯".repeat(15)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "abc", "灯a", "a-b-c", "a b c", &"x".repeat(31), &"灯".repeat(16)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_value_and_combination_is_checked() {
        let senior = ("AliyunCommodityCode", "iothub_senior");
        for (pairs, expected) in [
            (vec![], "OK"),
            (vec![senior], "iot.common.NullParameter"),
            (vec![senior, ("DataFormat", "1")], "OK"),
            (vec![senior, ("DataFormat", "2")], "iot.common.InvalidFormattedParameter"),
            (vec![("AliyunCommodityCode", "iothub")], "iot.prod.InvalidAliyunCommodityCode"),
            (vec![("NodeType", "2")], "iot.prod.InvalidNodeType"),
            (vec![("NodeType", "one")], "InvalidNodeType"),
            (vec![("ValidateType", "0")], "iot.common.InvalidFormattedParameter"),
            (vec![("NetType", "3")], "iot.common.InvalidFormattedParameter"),
            (vec![("NetType", "LORA")], "iot.common.InvalidFormattedParameter"),
            (vec![("NetType", "LORA"), ("JoinPermissionId", "j")], "OK"),
            (vec![("JoinPermissionId", "j")], "iot.common.InvalidFormattedParameter"),
            (vec![("AuthType", "none")], "iot.prod.InvalidProductAuthType"),
            (vec![("AuthType", "one-party")], "iot.prod.InvalidProductAuthType"),
            (vec![("PublishAuto", "FALSE"), ("Id2", "True")], "OK"),
            (vec![("PublishAuto", "no")], "InvalidPublishAuto"),
        ] {
            assert_eq!(code(&pairs, false), expected, "{pairs:?}");
        }
        let mqtt = ("AuthType", "one-party");
        assert_eq!(code(&[mqtt, ("DataFormat", "0")], true), "OK");
        assert_eq!(code(&[], true), "iot.prod.InvalidProductAuthType");
        assert_eq!(code(&[mqtt], true), "iot.common.APINotSupportedInInstance");
    }

    #[test]
    fn a_uid_fits_a_tag_and_a_path_does_not() {
        assert!(is_tag("k8s.uid", "0a1b2c3d-0000-4000-8000-000000000000"));
        assert!(!is_tag("k8s/uid", "x") && !is_tag("k", "a/b") && !is_tag("k", "") && !is_tag("", "v"));
    }
}
