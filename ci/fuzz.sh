#!/usr/bin/env bash
# Fuzzes segments, handles, names, and the words of queues and rings for so many seconds each (60 if not said). Needs a nightly toolchain and cargo-fuzz. Not part of .ci/run.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
    echo "ci/fuzz.sh: skipped, there is no cargo-fuzz on a nightly toolchain"
    exit 0
fi
for target in handle name segment control_words; do
    echo "== $target"
    # Mappings with life words stay until the process ends: fewer runs before a fresh start of the target.
    cargo +nightly fuzz run "$target" -- -max_total_time="${1:-60}" -timeout=20 -detect_leaks=0 -max_len=512 -rss_limit_mb=8192
done
rm -rf "${TMPDIR:-/tmp}"/multiproc-fuzz-*
