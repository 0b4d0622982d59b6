#!/usr/bin/env bash
# The packages hold what a user needs and nothing else. `ci/package.sh all`, which is not part of .ci/run, also builds each from nothing but its own files, and the documentation as the documentation site does.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "ci/package.sh: $*" >&2
    exit 1
}

# Members of the workspace that are published, by the directory each is in.
directories=()
left_out=()
for member in $(cargo metadata --no-deps --locked --format-version 1 | grep -o '"manifest_path":"[^"]*"' | cut -d'"' -f4); do
    if grep -qx 'publish = false' "$member"; then
        left_out+=(--exclude "$(sed -n 's/^name = "\(.*\)"/\1/p' "$member" | head -1)")
    else
        directories+=("$(dirname "$member")")
    fi
done
[ ${#directories[@]} -ge 2 ] || fail "the members were not found"

name_of() {
    sed -n 's/^name = "\(.*\)"/\1/p' "$1/Cargo.toml" | head -1
}

for directory in "${directories[@]}"; do
    name=$(name_of "$directory")
    list=$(cargo package --list --locked --allow-dirty -p "$name" 2>/dev/null)
    # What cargo adds is here too.
    more=$(grep -vxE 'src/.*\.(rs|md)|examples/.*\.rs|docs/([a-z_]*/)*[A-Za-z_]*\.(md|svg)|(README|SAFETY|CHANGELOG|CONTRIBUTING)\.md|LICENSE-(MIT|APACHE)|Cargo\.(toml|toml\.orig|lock)|\.cargo_vcs_info\.json' <<<"$list" || true)
    [ -z "$more" ] || fail "$name has files that no user needs:"$'\n'"$more"
    needed=(README.md LICENSE-MIT LICENSE-APACHE)
    [ "$name" != multiproc ] || needed+=(SAFETY.md CHANGELOG.md docs/*.* docs/guide/*.md)
    needed+=($(cd "$directory" && find src -type f))
    for file in "${needed[@]}"; do
        grep -qxF "$file" <<<"$list" || fail "$name lacks $file"
    done
    for licence in MIT APACHE; do
        cmp "LICENSE-$licence" "$directory/LICENSE-$licence" || fail "the licence of $name is not that of the project"
    done
    echo "$name: $(wc -l <<<"$list") files"
done
[ "${1:-}" = all ] || exit 0

# A package is built here as everybody gets it, and those that it needs are taken from their packages too. Uncommitted files are refused, as when it is published.
cargo package --workspace "${left_out[@]}"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -1)
packages="${CARGO_TARGET_DIR:-target}/package"
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
# They find each other here, as later in the registry.
{
    printf '[workspace]\nresolver = "3"\nmembers = ["*"]\n\n[patch.crates-io]\n'
    for directory in "${directories[@]}"; do
        name=$(name_of "$directory")
        archive="$packages/$name-$version.crate"
        mkdir "$unpacked/$name"
        tar -xzf "$archive" -C "$unpacked/$name" --strip-components 1
        echo "$name: $(stat -c %s "$archive") bytes" >&2
        ! grep -q "^$name = {.*path = " Cargo.toml ./*/Cargo.toml || echo "$name.path = \"$name\""
    done
} >"$unpacked/Cargo.toml"
cp Cargo.lock "$unpacked"

CARGO_TARGET_DIR=$(realpath "$packages")/unpacked
export CARGO_TARGET_DIR
cd "$unpacked"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps
# The documentation site has a nightly toolchain, which says on which feature an item depends.
if rustc +nightly --version >/dev/null 2>&1; then
    RUSTDOCFLAGS="-D warnings --cfg docsrs" cargo +nightly doc --workspace --all-features --no-deps
fi
cargo check --workspace --examples --bins --all-features
