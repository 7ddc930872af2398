//! Parameters of an action, all of which arrive as texts.

use super::refusal::Refusal;

/// Parameters by name. Unknown ones do not matter.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// A text, if it is sent and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.sent(name).filter(|value| !value.is_empty())
    }

    /// A text, if it is sent.
    pub(crate) fn sent(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A whole number in decimal digits.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).map(Some).ok_or_else(|| Refusal::invalid(name))
    }

    /// `true` or `false` in any case.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.to_ascii_lowercase().parse().map(Some).map_err(|_| Refusal::invalid(name))
    }

    /// Items of a list of texts, `Name.1`, `Name.2` and so on, by their numbers.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        (1..=self.0.len()).map_while(|n| self.text(&format!("{name}.{n}"))).collect()
    }

    /// Items of a list of tags, in the order of their numbers, which may have gaps. A value may be left out.
    pub(crate) fn tags(&self) -> Vec<(&str, Option<&str>)> {
        let number =
            |name: &str| name.strip_prefix("ProductTag.")?.strip_suffix(".TagKey")?.parse::<u32>().ok();
        let mut numbers: Vec<u32> = self.0.iter().filter_map(|(name, _)| number(name)).collect();
        numbers.sort_unstable();
        numbers
            .iter()
            .filter_map(|n| {
                let key = self.text(&format!("ProductTag.{n}.TagKey"))?;
                Some((key, self.text(&format!("ProductTag.{n}.TagValue"))))
            })
            .collect()
    }

    /// Checks that what an action needs is there.
    pub(crate) fn require(&self, names: &[&str]) -> Result<(), Refusal> {
        for name in names {
            let listed = self.0.iter().any(|(key, _)| key.starts_with(&format!("{name}.1")));
            if self.text(name).is_none() && !listed {
                return Err(Refusal::missing(name));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn numbers_are_decimal_and_switches_of_any_case() {
        let params = params(&[("A", "12"), ("B", "+1"), ("C", "True"), ("D", "yes"), ("E", "")]);
        assert_eq!(params.number("A"), Ok(Some(12)));
        assert_eq!(params.number("B").unwrap_err().code, "InvalidB");
        assert_eq!(params.flag("C"), Ok(Some(true)));
        assert_eq!(params.flag("D").unwrap_err().code, "InvalidD");
        assert_eq!((params.number("E"), params.flag("F")), (Ok(None), Ok(None)));
        assert_eq!(params.require(&["A", "E"]).unwrap_err().code, "MissingE");
    }

    #[test]
    fn lists_are_numbered() {
        let params = params(&[
            ("ProductTag.10.TagKey", "z"),
            ("ProductTag.10.TagValue", "9"),
            ("ProductTag.1.TagKey", "a"),
            ("ProductTagKey.1", "k"),
            ("ProductTagKey.2", "l"),
        ]);
        assert_eq!(params.tags(), [("a", None), ("z", Some("9"))]);
        assert_eq!(params.texts("ProductTagKey"), ["k", "l"]);
        assert_eq!(params.require(&["ProductTag", "ProductTagKey"]), Ok(()));
    }
}
