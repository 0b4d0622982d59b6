#!/usr/bin/env bash
# Licences, sources and known defects of all dependencies. It loads the database of advisories, which needs the network; `ci/deny.sh offline` leaves that out.
# Not part of .ci/run: building cargo-deny takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
if [ "${1:-}" = offline ]; then
    cargo deny check licenses bans sources
else
    cargo deny check
fi
