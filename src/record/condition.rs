//! Conditions as kstatus reads them: `Ready` always, the others only while True.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::Condition;

/// Status of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// True.
    True,
    /// False.
    False,
    /// Unknown.
    Unknown,
}

impl Truth {
    /// What the API spells so; a text that is none of them counts as unknown.
    pub fn parse(text: &str) -> Self {
        [Self::True, Self::False].into_iter().find(|known| known.as_str() == text).unwrap_or(Self::Unknown)
    }

    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Sets a condition. The transition time moves only when the status flips.
pub fn set(
    conditions: &mut Vec<Condition>,
    kind: &str,
    truth: Truth,
    reason: &str,
    message: &str,
    generation: i64,
) {
    let status = truth.as_str();
    let since = conditions
        .iter()
        .find(|condition| condition.type_ == kind && condition.status == status)
        .map_or_else(|| Time(crate::clock::now()), |condition| condition.last_transition_time.clone());
    let condition = Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        observed_generation: Some(generation),
        last_transition_time: since,
    };
    match conditions.iter_mut().find(|condition| condition.type_ == kind) {
        Some(old) => *old = condition,
        None => conditions.push(condition),
    }
}

/// Takes a condition away.
pub fn clear(conditions: &mut Vec<Condition>, kind: &str) {
    conditions.retain(|condition| condition.type_ != kind);
}

/// Sets a condition that is present only while True, or takes it away.
pub fn when(conditions: &mut Vec<Condition>, kind: &str, on: Option<(&str, &str)>, generation: i64) {
    match on {
        Some((reason, message)) => set(conditions, kind, Truth::True, reason, message, generation),
        None => clear(conditions, kind),
    }
}

/// The condition of a type.
pub fn get<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transition_time_moves_only_when_the_status_flips() {
        let mut conditions = Vec::new();
        set(&mut conditions, "Ready", Truth::False, "Creating", "a", 1);
        let old = Time(jiff::Timestamp::from_second(1).unwrap());
        conditions[0].last_transition_time = old.clone();
        set(&mut conditions, "Ready", Truth::False, "Throttled", "b", 2);
        assert_eq!((&conditions[0].last_transition_time, conditions[0].reason.as_str()), (&old, "Throttled"));
        set(&mut conditions, "Ready", Truth::True, "Available", "c", 2);
        assert_ne!(conditions[0].last_transition_time, old);
        assert_eq!(conditions.len(), 1);
    }
}
