#!/usr/bin/env bash
# The library builds with the oldest dependencies that its manifests allow. Theirs are new: some of them allow what no longer compiles. Needs a nightly toolchain, which chooses them. Not part of .ci/run.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! rustc +nightly --version >/dev/null 2>&1; then
    echo "ci/minimal.sh: skipped, there is no nightly toolchain"
    exit 0
fi
CARGO_TARGET_DIR="$(realpath -m "${CARGO_TARGET_DIR:-target}")/minimal"
export CARGO_TARGET_DIR

# A copy of what users build. What tests and examples ask of the same dependencies would choose newer ones.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r src macros docs README.md SAFETY.md "$work"
awk '/^\[/ { leave_out = /^\[dev-dependencies|^\[\[/ } !leave_out' Cargo.toml | sed 's/^members = .*/members = ["macros"]/' >"$work/Cargo.toml"
cd "$work"
cargo +nightly update -Zdirect-minimal-versions
for features in --no-default-features "" --all-features; do
    # shellcheck disable=SC2086 # none is none
    cargo check --lib --workspace $features
done
