#!/usr/bin/env bash
# The packages are as they are published: each builds from nothing but its own files, and its documentation as the documentation site makes it. Usage: ci/package.sh [lists]: only that the right files are in them.
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
    more=$(grep -vxE 'src/.*\.(rs|md)|examples/.*\.rs|docs/guide/[A-Za-z_]*\.md|(README|SAFETY|CHANGELOG)\.md|LICENSE-(MIT|APACHE)|Cargo\.(toml|toml\.orig|lock)|\.cargo_vcs_info\.json' <<<"$list" || true)
    [ -z "$more" ] || fail "$name has files that no user needs:"$'\n'"$more"
    needed=(README.md LICENSE-MIT LICENSE-APACHE)
    [ "$name" != multiproc ] || needed+=(SAFETY.md CHANGELOG.md docs/guide/*.md)
    needed+=($(cd "$directory" && git ls-files src))
    for file in "${needed[@]}"; do
        grep -qxF "$file" <<<"$list" || fail "$name lacks $file"
    done
    for licence in MIT APACHE; do
        cmp "LICENSE-$licence" "$directory/LICENSE-$licence" || fail "the licence of $name is not that of the project"
    done
    echo "$name: $(wc -l <<<"$list") files"
done
[ "${1:-}" != lists ] || exit 0

# A package is built here as everybody gets it, and those that it needs are taken from their packages too. Uncommitted files are refused, as when it is published.
cargo package --workspace "${left_out[@]}"

packages="${CARGO_TARGET_DIR:-target}/package"
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
patches=()
for directory in "${directories[@]}"; do
    name=$(name_of "$directory")
    archive=$(ls -t "$packages/$name"-[0-9]*.crate | head -1)
    mkdir "$unpacked/$name"
    tar -xzf "$archive" -C "$unpacked/$name" --strip-components 1
    echo "$name: $(stat -c %s "$archive") bytes"
    patches+=(--config "patch.crates-io.$name.path='$unpacked/$name'")
done

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/unpacked"
for directory in "${directories[@]}"; do
    name=$(name_of "$directory")
    (
        cd "$unpacked/$name"
        RUSTDOCFLAGS="-D warnings" cargo doc --all-features --no-deps "${patches[@]}"
        # The documentation site has a nightly toolchain, and says on which feature an item depends.
        if rustc +nightly --version >/dev/null 2>&1; then
            RUSTDOCFLAGS="-D warnings --cfg docsrs" cargo +nightly doc --all-features --no-deps --lib "${patches[@]}"
        fi
        [ ! -d examples ] || cargo check --examples --all-features "${patches[@]}"
    )
done
