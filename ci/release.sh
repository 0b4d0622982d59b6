#!/usr/bin/env bash
# The suite as users build it: optimised, without the steps of the crash matrix, and without the examples of the documentation. And that the latency harness works: some seconds of it, whose numbers nobody looks at.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --release --workspace --exclude comparison --exclude multiproc-cli --lib --tests

report="${CARGO_TARGET_DIR:-target}/ipc_latency"
rm -rf "$report"
timeout 120 cargo test --release --bench ipc_latency -- --quick >/dev/null
[ "$(wc -l <"$report/latency.csv")" -gt 50 ] || { echo "ci/release.sh: rows are missing in latency.csv" >&2; exit 1; }
[ "$(grep -o '<svg' "$report/report.html" | wc -l)" = 7 ] || { echo "ci/release.sh: report.html lacks plots" >&2; exit 1; }
