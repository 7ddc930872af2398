//! Sums over what was measured.

/// The value that a share of all lies below; nearest rank. Zero of nothing.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * to_f64(sorted.len())).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank is a small number")]
    let index = (rank as usize).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub(crate) fn to_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rank() {
        let values: Vec<f64> = (1..=100).map(to_f64).collect();
        assert_eq!(
            (percentile(&values, 0.99), percentile(&values, 0.5), percentile(&[], 0.5)),
            (99.0, 50.0, 0.0)
        );
    }
}
