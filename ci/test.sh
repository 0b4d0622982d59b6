#!/usr/bin/env bash
# The command of the README that passes the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
command="cargo test --workspace"
grep -qxF "$command" README.md || { echo "README.md does not give the test command: $command" >&2; exit 1; }
$command
