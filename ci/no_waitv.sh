#!/usr/bin/env bash
# The suite without futex_waitv, as on an old kernel or in a strict sandbox.
set -euo pipefail
cd "$(dirname "$0")/.."
# Not the examples of the documentation: they wait for nothing that the tests do not wait for.
MULTIPROC_NO_WAITV=1 cargo test --workspace --lib --tests
