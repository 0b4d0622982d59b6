#!/usr/bin/env bash
# The sources are formatted.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo fmt --all --check
