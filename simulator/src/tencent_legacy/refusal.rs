//! Code, number and message of a refusal.

/// A refusal. The documents name neither the reasons' names nor which code goes with which number, so
/// those here are made up; a client is to go by the number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Code of the platform.
    pub(crate) code: i64,
    /// Number of the service, shown in parentheses at the start of the message.
    pub(crate) module: Option<u32>,
    /// Value of `codeDesc`.
    pub(crate) name: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    /// The platform's own.
    pub(crate) fn common(code: i64, name: &'static str, message: String) -> Self {
        Self { code, module: None, name, message }
    }

    pub(crate) fn missing(name: &str) -> Self {
        Self::common(4000, "MissingParameter", format!("the parameter {name} is missing"))
    }

    /// The service's: bad parameters come with code 4000, everything else with 5100.
    pub(crate) fn service(module: u32, message: String) -> Self {
        let (code, name) = match module {
            1000 => (5100, "ProductExceedLimit"),
            1001 => (5100, "ProductAlreadyExist"),
            1003 => (4000, "InvalidPage"),
            1004 | 2008 => (5100, "ProductNotExist"),
            1005 => (5100, "DevicesExistUnderProduct"),
            1101 | 2101 => (4000, "InvalidParameterValue"),
            _ => (5100, "InternalError"),
        };
        Self { code, module: Some(module), name, message }
    }

    /// What a fault rule asks for: below 4000 a number of the service, else a code of the platform.
    pub(crate) fn told(code: &str, message: &str) -> Self {
        match code.parse() {
            Ok(module) if module < 4000 => Self::service(module, message.to_owned()),
            Ok(code) => Self::common(i64::from(code), "ToldByTheSimulator", message.to_owned()),
            Err(_) => Self::common(5100, "ToldByTheSimulator", format!("{code}: {message}")),
        }
    }

    /// Code in the call log: the number of the service, else the code of the platform.
    pub(crate) fn logged(&self) -> String {
        self.module.map_or_else(|| self.code.to_string(), |module| module.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_may_ask_for_either_kind_of_code() {
        for (told, code, module, logged) in [
            ("1001", 5100, Some(1001), "1001"),
            ("1101", 4000, Some(1101), "1101"),
            ("1042", 5100, Some(1042), "1042"),
            ("6200", 6200, None, "6200"),
            ("InternalError", 5100, None, "5100"),
        ] {
            let refusal = Refusal::told(told, "m");
            assert_eq!((refusal.code, refusal.module, refusal.logged().as_str()), (code, module, logged));
        }
    }
}
