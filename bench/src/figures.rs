//! Medians and percentiles.

/// The value below which `percent` of the samples lie (nearest rank).
pub fn percentile(samples: &[f64], percent: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted[rank.min(sorted.len()) - 1]
}

pub fn median(samples: &[f64]) -> f64 {
    percentile(samples, 50.0)
}

/// Milliseconds, as they are printed: two digits behind the point.
pub fn ms(milliseconds: f64) -> String {
    format!("{milliseconds:.2} ms")
}

/// Each value of `ours` beside the one of the same round of `theirs`.
pub fn pairwise(ours: &[f64], theirs: &[f64], with: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(ours, theirs)| with(*ours, *theirs)).collect()
}
