//! What the storms share: how many kills, and moments that a seed gives.

/// A number.
pub(crate) fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// How many are killed: 2,000, unless `MULTIPROC_STORM_KILLS` says otherwise.
pub(crate) fn kills() -> u64 {
    from_environment("MULTIPROC_STORM_KILLS").unwrap_or(2_000)
}

/// Where chance begins, which is printed: `MULTIPROC_STORM_SEED` plays a storm again.
pub(crate) fn seed() -> u64 {
    let seed = from_environment("MULTIPROC_STORM_SEED").unwrap_or(0x9e37_79b9_7f4a_7c15);
    println!("seed {seed}");
    seed
}

/// xorshift, so that a failing seed can be run again.
pub(crate) fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
