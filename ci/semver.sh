#!/usr/bin/env bash
# Whether the library's interface keeps what that of another revision promised: `ci/semver.sh REVISION`; if none is named, of the last tag.
# Not part of .ci/run: building cargo-semver-checks takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo semver-checks --version >/dev/null 2>&1 || cargo install --locked cargo-semver-checks
if ! revision=${1:-$(git describe --tags --abbrev=0 2>/dev/null)}; then
    echo "ci/semver.sh: there is no tag; name a revision to compare with" >&2
    exit 2
fi
cargo semver-checks --package multiproc --all-features --baseline-rev "$revision"
