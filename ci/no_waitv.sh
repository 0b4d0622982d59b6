#!/usr/bin/env bash
# The suite without futex_waitv, as on an old kernel or in a strict sandbox.
set -euo pipefail
cd "$(dirname "$0")/.."
# Without storms, the crash matrix, memory kept for large messages, and the examples of the documentation: they take minutes, and sleep at nothing at which the other tests do not sleep.
left_out=(
    a_storm
    a_death_at_any_step_leaves_the_others_whole
    nothing_hangs_tears_or_leaks
    nobody_is_stuck_and_nothing_is_lost
    nothing_is_lost_doubled_or_left
    what_is_kept
    the_dead_keep_nothing
)
MULTIPROC_NO_WAITV=1 cargo test --workspace --lib --tests -- "${left_out[@]/#/--skip=}"
