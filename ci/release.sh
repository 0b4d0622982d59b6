#!/usr/bin/env bash
# The suite as users build it: optimised, without the steps of the crash matrix.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --release --workspace
