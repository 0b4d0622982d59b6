#!/usr/bin/env bash
# The suite under the address sanitizer; needs a nightly toolchain. Not part of .ci/run.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! rustc +nightly --version >/dev/null 2>&1; then
    echo "ci/asan.sh: skipped, there is no nightly toolchain"
    exit 0
fi
host=$(rustc -vV | sed -n 's/^host: //p')
# The sanitizer answers signals itself, and takes the stack for its own; so the tests of those are left out. Leaks are none here: mappings with life words stay until the process ends. A limit of addresses and the sanitizer's shadow exclude each other.
export RUSTFLAGS="-Zsanitizer=address" ASAN_OPTIONS="detect_leaks=0"
cargo +nightly test --target "$host" --target-dir target/asan --lib --tests --no-fail-fast -- \
    --skip an_allocation_beyond_the_limit_fails --skip an_overflown_stack --skip a_foreign_sigbus --skip the_runtimes_handlers \
    --skip too_much_memory_is_not_had --skip a_process_is_as_the_builder_says "$@"
