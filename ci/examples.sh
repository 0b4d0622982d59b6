#!/usr/bin/env bash
# Every example, optimised and end to end: its lines, against other programs where there are some, its exit codes, and that it ends where nobody reads it.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --examples
built="${CARGO_TARGET_DIR:-target}/release/examples"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "ci/examples.sh: $*" >&2
    exit 1
}

# same EXPECTED FOUND WHAT: two texts are equal.
same() {
    [ "$1" = "$2" ] || fail "$3: expected"$'\n'"$1"$'\n'"and found"$'\n'"$2"
}

# code EXPECTED COMMAND...: exit code; what goes to stdout is in $out.
code() {
    local expected=$1 found=0
    shift
    out=$(timeout 120 "$@" 2>"$work/stderr") || found=$?
    [ "$found" = "$expected" ] || fail "$* exited with $found, not $expected: $(cat "$work/stderr")"
}

# A pipe with a writer and no reader any more.
mkfifo "$work/unread"
exec {both}<>"$work/unread"
exec {unread}>"$work/unread"
exec {both}>&-

# ends COMMAND...: where nobody reads its lines, or only the first, or where it has no stdout, it ends with whatever code, and so do all that it started.
ends() {
    local way group found
    for way in unread first closed; do
        # `timeout` leads a group, of which all that it starts are members.
        case $way in
        unread) timeout 60 "$@" >&"$unread" 2>"$work/stderr" & ;;
        first) timeout 60 "$@" > >(head -n 1 >"$work/first") 2>"$work/stderr" & ;;
        closed) timeout 60 "$@" >&- 2>"$work/stderr" & ;;
        esac
        group=$!
        found=0
        wait "$group" || found=$?
        [ "$found" != 124 ] || fail "$* hangs with its stdout $way: $(cat "$work/stderr")"
        for _ in {1..100}; do
            kill -0 -- "-$group" 2>/dev/null || continue 2
            sleep 0.1
        done
        fail "$* left a process with its stdout $way: $(cat "$work/stderr")"
    done
}

# What every example has: --help, and 2 for an argument that it does not know, told on stderr only; and it ends, whoever reads it.
usage() {
    code 0 "$built/$1" --help
    [ -n "$out" ] || fail "$1 --help says nothing"
    code 2 "$built/$1" --no-such-argument
    [ -z "$out" ] || fail "$1 complains on stdout"
    [ -s "$work/stderr" ] || fail "$1 does not complain on stderr"
    ends "$built/$1"
}

echo "shared_value"
usage shared_value
code 0 "$built/shared_value"
same "final value: 15" "$out" shared_value

echo "isolation"
usage isolation
code 0 "$built/isolation"
same "child 0 counter 100000
child 1 counter 100000
child 2 counter 100000
parent counter 0
shared counter 300000" "$out" isolation

echo "sum_of_squares"
usage sum_of_squares
code 0 "$built/sum_of_squares"
# Three times the sum of the squares below a million.
sum=$((3 * (999999 * 1000000 / 2 * 1999999 / 3)))
same "sequential_sum $sum
parallel_sum $sum
sequential_seconds T
parallel_seconds T" "$(sed -E 's/^([a-z]+_seconds) [0-9]+\.[0-9]+$/\1 T/' <<<"$out")" sum_of_squares
code 2 "$built/sum_of_squares" --tasks 0

echo "attach_by_name"
usage attach_by_name
usage attach_by_name_peer
for cargo in "$(command -v cargo)" ""; do
    code 0 env ${cargo:+CARGO="$cargo"} "$built/attach_by_name"
    same "residual 0.5
residual 0.25" "$out" attach_by_name
done
code 2 "$built/attach_by_name_peer" no-such-segment

echo "race_free_counters"
usage race_free_counters
# counted EXPECTED KILLS: what the counters say is right, whatever the racy one lost.
counters() {
    local expected=$1 kills=$2 acknowledged got
    same "tally expected $expected got $expected
value expected $expected got $expected
lock expected $expected got $expected" "$(head -n 3 <<<"$out")" race_free_counters
    read -r _ _ acknowledged _ got <<<"$(sed -n 4p <<<"$out")"
    [ "$acknowledged" = "$expected" ] && [ "$got" -ge "$acknowledged" ] &&
        [ "$got" -le $((acknowledged + kills)) ] || fail "race_free_counters: $out"
    grep -qx "racy lost [0-9]*" <<<"$out" || fail "race_free_counters: $out"
    [ "$kills" = 0 ] || { grep -qx "kills $kills" <<<"$out" && grep -qx "owner deaths [0-9]*" <<<"$out"; } ||
        fail "race_free_counters: $out"
}
code 0 "$built/race_free_counters"
counters 4000000 0
for seed in 1 2 3 4 5 6 7 8 9 10; do
    code 0 "$built/race_free_counters" --workers 4 --increments 1000000 --kill 20 --seed "$seed"
    counters 4000000 20
done
code 0 "$built/race_free_counters" --workers 3 --increments 1 --kill 7
counters 3 7
code 0 "$built/race_free_counters" --workers 1 --increments 0
counters 0 0
code 2 "$built/race_free_counters" --workers 0

echo "async_tokio"
usage async_tokio
code 0 "$built/async_tokio"
same "received 1000" "$out" async_tokio
for items in 0 1 20000; do
    code 0 "$built/async_tokio" --items "$items"
    same "received $items" "$out" async_tokio
done

echo "dining"
usage dining
# dined MEALS DEATHS: nobody is stuck, whoever was killed with two forks.
dined() {
    same "meals $1
deaths $2
stuck 0" "$out" dining
}
code 0 "$built/dining"
dined 5000 0
for seed in 1 2 3 4 5 6 7 8 9 10; do
    code 0 "$built/dining" --rounds 200 --kill 5 --seed "$seed"
    dined 1000 5
done
code 0 "$built/dining" --philosophers 2 --rounds 1 --kill 20
dined 2 20
code 0 "$built/dining" --philosophers 16 --rounds 50 --kill 50 --seed 3
dined 800 50
code 2 "$built/dining" --philosophers 1
code 2 "$built/dining" --rounds 0

echo "producer_consumer"
usage producer_consumer
for kill in "" "" "" --kill --kill --kill; do
    # shellcheck disable=SC2086
    code 0 "$built/producer_consumer" $kill
    same "$(printf 'consumed %s\n' {0..9})" "$(grep consumed <<<"$out" | sort)" producer_consumer
    same "items 10 unique 10${kill:+
redelivered 1}" "$(grep -v consumed <<<"$out")" producer_consumer
done

echo "pipes"
usage pipes
code 0 "$built/pipes"
same "echoed 200" "$out" pipes
for seed in 2 3 4; do
    code 0 "$built/pipes" --messages 50 --seed "$seed"
    same "echoed 50" "$out" "pipes --seed $seed"
done
code 0 "$built/pipes" --messages 0
same "echoed 0" "$out" "pipes without messages"
code 2 "$built/pipes" --messages x

echo "zero_copy_frames"
usage zero_copy_frames
code 0 "$built/zero_copy_frames" --frames 6
same "frames 6 copied_bytes 0
frames 6 copied_bytes 0" "$(grep '^frames' <<<"$out")" zero_copy_frames
# That it is counted: what is copied in between does not lie where it was written.
code 0 "$built/zero_copy_frames" --frames 3 --copy
same "frames 3 copied_bytes $((3 * 1920 * 1080 * 3))
frames 3 copied_bytes $((3 * 1920 * 1080 * 3))" "$(grep '^frames' <<<"$out")" "zero_copy_frames --copy"

echo "ring_pipeline"
usage ring_pipeline
pipeline="$built/ring_pipeline"
page=$((64 * 1024 - 8))
for size in 0 1 $((page - 1)) $page $((page + 1)) 1000000 $((17 * page)) 50000001; do
    head -c "$size" /dev/urandom >"$work/raw"
    LC_ALL=C tr a-z A-Z <"$work/raw" >"$work/capitals"
    timeout 120 "$pipeline" "$work/raw" >"$work/piped" 2>"$work/stderr" || fail "ring_pipeline: $(cat "$work/stderr")"
    cmp "$work/capitals" "$work/piped" || fail "ring_pipeline: $size bytes are not what tr makes of them"
    grep -qE "^$size bytes, [0-9]+\.[0-9]+ GB/s$" "$work/stderr" || fail "ring_pipeline: $(cat "$work/stderr")"
    timeout 120 "$pipeline" "$work/raw" 2>/dev/null | cmp "$work/capitals" - || fail "ring_pipeline: $size bytes into a pipe"
    code 0 "$pipeline" --bytes "$size" --seed "$size"
    same "bytes $size wrong 0" "$out" "ring_pipeline --bytes $size"
done
for input in "$work/missing" "$work"; do
    code 2 "$pipeline" "$input"
    same "" "$out" "ring_pipeline $input"
    grep -qF "$input" "$work/stderr" || fail "ring_pipeline does not say which file it cannot read"
done
code 2 "$pipeline" --bytes x
code 2 "$pipeline" --seed 1 "$work/raw"
code 1 sh -c "'$pipeline' '$work/raw' >/dev/full"
# An input without end, of which the reader wants no more.
same AAAA "$(yes a | tr -d '\n' | timeout 60 "$pipeline" /dev/stdin 2>/dev/null | head -c 4)" "ring_pipeline | head"
ends "$pipeline" "$work/raw"

echo "rendezvous"
usage rendezvous
for _ in 1 2 3 4 5 6 7 8 9 10; do
    code 0 "$built/rendezvous"
    same "0 host waits
1 guest 0 arrives
2 guest 1 arrives
3 guest 2 arrives
4 host opens the door
5 guest 2 goes in
6 guest 1 goes in
7 guest 0 goes in
8 host closes the door" "$out" rendezvous
    # Who is the first that cannot write depends on how long the reader stays.
    ends "$built/rendezvous"
done

echo "barrier_heat"
usage barrier_heat
heat() {
    code 0 "$built/barrier_heat" "$@"
    same "identical yes
steps_per_second X" "$(sed -E 's/^(steps_per_second) [0-9]+\.[0-9]+$/\1 X/' <<<"$out")" "barrier_heat $*"
}
heat
heat --rows 3 --cols 3 --steps 1 --workers 7
heat --steps 0
heat --rows 31 --cols 50 --steps 101 --workers 5 --out "$work/heat.png"
# A PNG's signature, and then its first chunk: length, name, width, height.
same "89504e470d0a1a0a0000000d49484452000000320000001f" \
    "$(head -c 24 "$work/heat.png" | od -An -v -tx1 | tr -d ' \n')" "the head of the picture"
code 2 "$built/barrier_heat" --out "$work/no/such/directory.png"
for wrong in "--rows 2" "--cols 0" "--workers 0" "--steps x"; do
    # shellcheck disable=SC2086
    code 2 "$built/barrier_heat" $wrong
done

echo "byte_histogram"
usage byte_histogram
histogram="$built/byte_histogram"

# The same by other programs.
counted() {
    od -An -v -tu1 -w1 "$1" | sort -n | uniq -c | awk '{ print $2, $1 }'
    echo "total $(stat -L -c %s "$1")"
}

check() {
    local expected
    expected=$(counted "$1")
    code 0 "$histogram" "$1"
    same "$expected" "$out" "byte_histogram $1"
    for workers in 1 5; do
        code 0 "$histogram" --workers "$workers" --verify "$1"
        same "$expected
verify ok speedup X" "$(sed -E 's/^(verify ok speedup) [0-9]+\.[0-9]+$/\1 X/' <<<"$out")" \
            "byte_histogram --workers $workers --verify $1"
    done
}

for size in 0 1 4095 4096 4097 262144 262145 5242891; do
    head -c "$size" /dev/urandom >"$work/random-$size"
    check "$work/random-$size"
done
truncate -s 3M "$work/zeros"
check "$work/zeros"
ln -s random-4097 "$work/a link"
check "$work/a link"

code 0 "$histogram"
same "total $(stat -L -c %s "$histogram")" "$(tail -n 1 <<<"$out")" "byte_histogram alone"
grep -q "no file was named" "$work/stderr" || fail "byte_histogram does not say what it counts"

mkfifo "$work/pipe"
for input in "$work/missing" "$work" "$work/pipe" /dev/zero; do
    code 2 "$histogram" "$input"
    same "" "$out" "byte_histogram $input"
done
code 2 "$histogram" --workers 0 "$work/zeros"
code 2 "$histogram" --workers x "$work/zeros"
code 1 sh -c "'$histogram' '$work/zeros' >/dev/full"

primes=$(printf 'map %s\n' "10000 1229" "15000 1754" "12000 1438" "18000 2064" "20000 2262")
primes+=$'\n'${primes//map/apply}
for workers in 1 2 5; do
    code 0 "$built/pool_primes" --workers "$workers"
    same "$primes" "$out" "pool_primes with $workers workers"
done
code 2 "$built/pool_primes" --workers x

echo "monte_carlo_pi"
usage monte_carlo_pi
code 0 "$built/monte_carlo_pi" --workers 1
pi=$out
grep -qE '^pi 3\.14[0-9]+$' <<<"$pi" || fail "monte_carlo_pi: $pi"
for workers in 2 3; do
    code 0 "$built/monte_carlo_pi" --workers "$workers"
    same "$pi" "$out" "monte_carlo_pi with $workers workers"
done
code 0 "$built/monte_carlo_pi" --millions 1 --seed 7
code 2 "$built/monte_carlo_pi" --millions 0
code 2 "$built/monte_carlo_pi" --workers 0

# Whenever workers are killed, the counts are right: what they held is counted again.
truncate -s 512M "$work/large"
expected="0 $((512 << 20))
total $((512 << 20))"
"$histogram" --workers 3 "$work/large" >"$work/out" 2>"$work/stderr" &
counting=$!
for _ in 1 2; do
    worker=""
    while kill -0 "$counting" 2>/dev/null && [ -z "$worker" ]; do
        worker=$(cat "/proc/$counting/task/$counting/children" 2>/dev/null | cut -d' ' -f1)
    done
    [ -z "$worker" ] || kill -KILL "$worker" 2>/dev/null || true
done
wait "$counting" || fail "byte_histogram with killed workers: $(cat "$work/stderr")"
same "$expected" "$(cat "$work/out")" "byte_histogram with killed workers"
grep -c "killed by signal" "$work/stderr" >"$work/killed" || true
echo "all examples are as they should be; $(cat "$work/killed") workers were killed"
