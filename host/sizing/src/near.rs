//! Names that were probably meant.

/// How many are named at most.
const MOST: usize = 3;

/// The known names nearest to `name`, best first, at most three. Letters' case does not count. Names that
/// are too far away to have been meant are left out.
pub(crate) fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let wanted = name.to_lowercase();
    let longest = (wanted.chars().count() / 2).max(2);
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let distance = strsim::osa_distance(&wanted, &lower);
            let meant = distance <= longest || (wanted.chars().count() >= 3 && lower.contains(&wanted));
            meant.then_some((distance, candidate))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(MOST).map(|(_, candidate)| candidate.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn nearest_first_and_none_that_is_far() {
        let known = ["cpu", "ram", "disk", "gpu", "cpufreq"];
        assert_eq!(near("cpus", known), ["cpu", "gpu"]);
        assert_eq!(near("DISC", known), ["disk"]);
        assert_eq!(near("bandwidth", known), Vec::<String>::new());
    }
}
