#!/usr/bin/env bash
# The suite without futex_waitv, as on an old kernel or in a strict sandbox.
set -euo pipefail
cd "$(dirname "$0")/.."
# Without storms, the crash matrix, and the examples of the documentation: they take minutes, and sleep at nothing at which the other tests do not sleep.
MULTIPROC_NO_WAITV=1 cargo test --workspace --lib --tests -- --skip a_storm --skip a_death_at_any_step_leaves_the_others_whole
