//! Which names a vendor's API takes for a product that is created or renamed. A vendor's console takes more, so a name
//! that a product already has may be any.
//!
//! One table serves both sides: the rule of the definition, which refuses a manifest, and [`Names::takes`], by which
//! the operator decides where that rule lets a name pass because it may be an existing product's.

use super::Vendor::{self, AlibabaCloud, HuaweiCloud, TencentCloud, TencentCloudLegacy};
use crate::api::rule::Rule;

/// What a vendor takes as the name of a product.
#[derive(Debug)]
pub struct Names {
    vendors: &'static [Vendor],
    /// Characters besides ASCII letters, digits and `_`.
    others: &'static str,
    /// Chinese characters are taken.
    chinese: bool,
    /// A Chinese character counts 2.
    wide: bool,
    least: usize,
    most: usize,
    /// What to write instead.
    pub message: &'static str,
}

/// Tencent, both APIs.
pub static TENCENT: Names = Names {
    vendors: &[TencentCloud, TencentCloudLegacy],
    others: ":-",
    chinese: false,
    wide: false,
    least: 1,
    most: 32,
    message: "Tencent takes 1 to 32 letters, digits, ':', '_' and '-' as spec.name: write '_' for spaces and \
              other characters, such as room_thermostat; an existing product keeps its name if you write its id as \
              spec.productId",
};

/// Alibaba.
pub static ALIBABA: Names = Names {
    vendors: &[AlibabaCloud],
    others: "",
    chinese: true,
    wide: true,
    least: 4,
    most: 30,
    message: "Alibaba takes 4 to 30 letters, digits, '_' and Chinese characters as spec.name, where a Chinese one \
              counts 2: write '_' for '-', spaces and other characters, such as street_lamp; an existing product \
              keeps its name if you write its id as spec.productId",
};

/// Huawei.
pub static HUAWEI: Names = Names {
    vendors: &[HuaweiCloud],
    others: "-",
    chinese: true,
    wide: false,
    least: 1,
    most: 64,
    message: "Huawei takes 1 to 64 letters, digits, '_', '-' and Chinese characters as spec.name: write '_' for \
              spaces and other characters, such as plc_gateway; an existing product keeps its name if you write its \
              id as spec.productId",
};

/// The names of every vendor.
pub static ALL: &[&Names] = &[&TENCENT, &ALIBABA, &HUAWEI];

/// The script Han in Unicode 15, which is what `\p{Han}` means to the API server.
const HAN: &[(u32, u32)] = &[
    (0x2E80, 0x2E99),
    (0x2E9B, 0x2EF3),
    (0x2F00, 0x2FD5),
    (0x3005, 0x3005),
    (0x3007, 0x3007),
    (0x3021, 0x3029),
    (0x3038, 0x303B),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFA6D),
    (0xFA70, 0xFAD9),
    (0x16FE2, 0x16FE3),
    (0x16FF0, 0x16FF1),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B739),
    (0x2B740, 0x2B81D),
    (0x2B820, 0x2CEA1),
    (0x2CEB0, 0x2EBE0),
    (0x2F800, 0x2FA1D),
    (0x30000, 0x3134A),
    (0x31350, 0x323AF),
];

fn is_chinese(c: char) -> bool {
    HAN.iter().any(|(first, last)| (*first..=*last).contains(&u32::from(c)))
}

impl Names {
    /// Whether the vendor takes this name for a product that is created or renamed.
    pub fn takes(&self, name: &str) -> bool {
        let known = |c: char| {
            c.is_ascii_alphanumeric()
                || c == '_'
                || self.others.contains(c)
                || (self.chinese && is_chinese(c))
        };
        let twice = if self.wide { name.chars().filter(|c| is_chinese(*c)).count() } else { 0 };
        name.chars().all(known) && (self.least..=self.most).contains(&(name.chars().count() + twice))
    }

    /// The rule of the definition. It holds for what may be created. A manifest that imports a product or only watches
    /// one names what is there; so does one that is set to the name that the vendor shows, and one that is left as it
    /// is. Most writes end at the first two conditions, because each step of a path costs the API server time.
    pub(crate) fn rule(&self) -> Rule {
        let vendors: Vec<String> = self.vendors.iter().map(|vendor| format!("'{vendor}'")).collect();
        let expression = format!(
            "!(self.spec.vendor in [{}]) || {} || has(self.spec.productId) || self.spec.managementPolicy == \
             'ObserveOnly' || (oldSelf.hasValue() && oldSelf.value().spec.name == self.spec.name) || \
             (has(self.status) && has(self.status.observed) && has(self.status.observed.name) && \
             self.status.observed.name == self.spec.name)",
            vendors.join(", "),
            self.expression(),
        );
        Rule::rooted("spec.name", &expression, self.message)
    }

    fn expression(&self) -> String {
        let chinese = if self.chinese { r"\\p{Han}" } else { "" };
        let (others, least, most) = (self.others, self.least, self.most);
        if !self.wide {
            return format!("self.spec.name.matches('^[{chinese}A-Za-z0-9_{others}]{{{least},{most}}}$')");
        }
        let widths: Vec<String> = (least..=most).map(|width| width.to_string()).collect();
        format!(
            "(self.spec.name.matches('^[{chinese}A-Za-z0-9_{others}]+$') && self.spec.name.size() + \
             self.spec.name.findAll('[{chinese}]').size() in [{}])",
            widths.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_by_its_characters_and_its_width() {
        for name in ["a", "Az09:_-", &"x".repeat(32)] {
            assert!(TENCENT.takes(name), "{name}");
        }
        for name in ["", "room 1", "温控器", &"x".repeat(33)] {
            assert!(!TENCENT.takes(name), "{name}");
        }
        for name in ["lamp", "路灯", "路a1", &"x".repeat(30), &"灯".repeat(15)] {
            assert!(ALIBABA.takes(name), "{name}");
        }
        for name in ["abc", "灯a", "温控器-A(2F)@1", "ランプ灯", "a:bc", &"x".repeat(31), &"灯".repeat(16)]
        {
            assert!(!ALIBABA.takes(name), "{name}");
        }
        for name in ["网关-gateway_1", "x", &"灯".repeat(64)] {
            assert!(HUAWEI.takes(name), "{name}");
        }
        for name in ["plc gateway", "plc:gateway", &"灯".repeat(65)] {
            assert!(!HUAWEI.takes(name), "{name}");
        }
    }
}
