#!/usr/bin/env bash
# Each feature builds alone; `ci/clippy.sh` has all of them and none, with every target.
set -euo pipefail
cd "$(dirname "$0")/.."
for features in raw-sync tracing progress; do
    cargo check -p multiproc --lib --no-default-features --features "$features"
done
# What the features add is tried by its documentation.
cargo test --workspace --doc --features tracing log_level
cargo test --workspace --doc --features progress bar
cargo test --workspace --features tracing --test pool_tracing
