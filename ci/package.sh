#!/usr/bin/env bash
# The packages hold what a user needs and nothing else. `ci/package.sh all`, which is not part of .ci/run, also builds them and the documentation from what is packed.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "ci/package.sh: $*" >&2
    exit 1
}

packed="${CARGO_TARGET_DIR:-target}/package"
packages=(--package multiproc-macros --package multiproc --package multiproc-cli)
if [ "${1:-}" = all ]; then
    cargo package "${packages[@]}"
else
    cargo package --no-verify --allow-dirty "${packages[@]}"
fi

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
for package in multiproc-macros multiproc multiproc-cli; do
    files=$(tar -tzf "$packed/$package-$version.crate" | sed 's|^[^/]*/||')
    for needed in Cargo.toml README.md LICENSE-APACHE LICENSE-MIT; do
        grep -qxF "$needed" <<<"$files" || fail "$package lacks $needed"
    done
done
files=$(tar -tzf "$packed/multiproc-$version.crate" | sed 's|^[^/]*/||')
for unwanted in tests/ benches/ ci/ .ci/ models/ fuzz/ cli/ comparison/; do
    ! grep -q "^$unwanted" <<<"$files" || fail "multiproc has files of $unwanted"
done

if [ "${1:-}" = all ]; then
    # As it is built where documentation is hosted; the macros are not in a registry yet, or are those of the version before.
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    for package in multiproc-macros multiproc multiproc-cli; do
        tar -xzf "$packed/$package-$version.crate" -C "$work"
    done
    patch=(--config "patch.crates-io.multiproc-macros.path='$work/multiproc-macros-$version'"
        --config "patch.crates-io.multiproc.path='$work/multiproc-$version'")
    export CARGO_TARGET_DIR="$work/target"
    (cd "$work/multiproc-$version" && RUSTDOCFLAGS="-D warnings" cargo "${patch[@]:0:2}" doc --all-features --no-deps)
    (cd "$work/multiproc-$version" && cargo "${patch[@]:0:2}" build --examples)
    (cd "$work/multiproc-cli-$version" && cargo "${patch[@]}" build)
fi
