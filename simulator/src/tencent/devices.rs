//! Devices: only how many there are is kept; their entries follow from it.

use serde::Serialize;

use super::actions::{Context, Done, paging};
use super::refusal::Refusal;
use super::schema::{Field, Kind, Params, optional, required};

pub(crate) const FIELDS: &[Field] = &[
    required("ProductId", Kind::Text),
    required("Offset", Kind::Uint),
    required("Limit", Kind::Uint),
    optional("FirmwareVersion", Kind::Text),
    optional("DeviceName", Kind::Text),
    optional("EnableState", Kind::Uint),
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "the vendor's names")]
struct Device {
    device_name: String,
    online: u8,
    version: &'static str,
    device_type: u64,
    enable_state: u8,
    create_time: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeviceList {
    total_count: u64,
    devices: Vec<Device>,
}

fn device_name(number: u64) -> String {
    format!("device-{number:07}")
}

/// Numbers of the devices that pass the filters. All of them are enabled and report no firmware version.
fn matching(params: &Params, count: u64) -> std::ops::Range<u64> {
    let versioned =
        params.text("FirmwareVersion").is_some_and(|v| !v.is_empty() && v != "None-FirmwareVersion");
    if versioned || params.uint("EnableState") == Some(0) {
        return 0..0;
    }
    match params.text("DeviceName").filter(|name| !name.is_empty()) {
        None => 0..count,
        Some(name) => {
            let number = name.strip_prefix("device-").and_then(|digits| digits.parse::<u64>().ok());
            let found = number.filter(|number| *number < count && device_name(*number) == name);
            found.map_or(0..0, |number| number..number + 1)
        }
    }
}

pub(crate) fn list(context: &Context<'_>, params: &Params) -> Result<Done, Refusal> {
    let (offset, limit) = paging(params)?;
    let product = context.find(&context.account.state(), params)?;
    let numbers = matching(params, product.device_count);
    let total_count = numbers.end - numbers.start;
    let devices = numbers.skip(offset).take(limit).map(|number| Device {
        device_name: device_name(number),
        online: 0,
        version: "",
        device_type: 0,
        enable_state: 1,
        create_time: product.creation_date,
    });
    let mut done = Done::members(&DeviceList { total_count, devices: devices.collect() })?;
    done.product_id = Some(product.product_id);
    done.product_name = Some(product.product_name);
    Ok(done)
}
