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

# Whenever workers are killed, the counts are right: what they held is counted again.
truncate -s 512M "$work/large"
expected="0 $((512 << 20))
total $((512 << 20))"
# killed COMMAND...: two of its workers are killed meanwhile, if it is not too fast; what goes to stdout is in $out.
killed() {
    local running worker
    "$@" >"$work/out" 2>"$work/stderr" &
    running=$!
    for _ in 1 2; do
        worker=""
        while kill -0 "$running" 2>/dev/null && [ -z "$worker" ]; do
            worker=$(cat "/proc/$running/task/"*/children 2>/dev/null | tr ' ' '\n' | head -n 1) || true
        done
        [ -z "$worker" ] || kill -KILL "$worker" 2>/dev/null || true
    done
    wait "$running" || fail "$* with killed workers: $(cat "$work/stderr")"
    out=$(cat "$work/out")
}
killed "$histogram" --workers 3 "$work/large"
same "$expected" "$out" "byte_histogram with killed workers"
grep -c "killed by signal" "$work/stderr" >"$work/killed" || true
echo "pool_primes"
usage pool_primes
primes=$(printf 'map %s\n' "10000 1229" "15000 1754" "12000 1438" "18000 2064" "20000 2262")
primes+=$'\n'${primes//map/apply}
for workers in 1 2 5; do
    code 0 "$built/pool_primes" --workers "$workers"
    same "$primes" "$out" "pool_primes with $workers workers"
done
for wrong in 0 513 x; do
    code 2 "$built/pool_primes" --workers "$wrong"
done

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

echo "word_count"
usage word_count
words="$work/words"
mkdir -p "$words/.hidden directory/deep" "$words/empty" "$work/elsewhere"
printf 'One two TWO three_3 THREE_3 three_3\n' >"$words/plain"
printf 'two,two;\xc3\xbcber\xfftwo\0one' >"$words/.hidden directory/.hidden"
printf 'nothing ends this word' >"$words/.hidden directory/deep/no newline"
: >"$words/empty file"
printf '!?! \n' >"$words/no words"
printf 'two' >"$words/$(printf 'not utf-8 \xff')"
printf 'linked words two' >"$work/elsewhere/linked"
ln -s "$work/elsewhere/linked" "$words/a link"
ln -s plain "$words/a link to a neighbour"
# What these lead to is not counted, and one of them has no end.
ln -s "$work/elsewhere" "$words/a link to a directory"
ln -s . "$words/a link to itself"
mkfifo "$words/a pipe"
# Cut at each mebibyte: a word across every border, one that ends or begins there, one that is longer than pieces.
mebibyte=$((1 << 20))
{
    for border in 1 2 3; do
        head -c $((mebibyte - 20)) /dev/zero | tr '\0' ' '
        printf 'across_the_%s_border_of_pieces ' "$border"
        head -c 9 /dev/zero
    done
} >"$words/words across borders"
{
    head -c $((mebibyte - 3)) /dev/zero
    printf end
    printf ' %s' "$(head -c $((mebibyte - 1)) /dev/zero | tr '\0' .)"
    printf begin
} >"$words/words at borders"
{
    printf 'small '
    head -c 2500000 /dev/zero | tr '\0' L
    printf ' small'
} >"$words/a long word"
head -c $((2 * mebibyte)) /dev/zero | tr '\0' x >"$words/only a word"
head -c 5000000 /dev/urandom >"$words/random"
seq 300000 >"$words/numbers"

# The same by other programs, of files one by one; what a link leads to is counted there too.
worded() {
    local file
    for file in "$@"; do
        LC_ALL=C tr A-Z a-z <"$file" | LC_ALL=C tr -cs 'a-z0-9_' '\n'
        echo
    done | LC_ALL=C grep . | LC_ALL=C sort | LC_ALL=C uniq -c >"$work/worded" || true
    awk '{ sum += $1 } END { print "total", sum + 0; print "distinct", NR }' "$work/worded"
    LC_ALL=C sort -k1,1nr -k2,2 "$work/worded" | awk 'NR <= 10 { print $2, $1 }'
}

files=()
while IFS= read -r -d '' file; do
    [ ! -f "$file" ] || files+=("$file")
done < <(find "$words" -type f -print0 -o -type l -print0)
expected=$(worded "${files[@]}")
for workers in 1 2 5; do
    code 0 "$built/word_count" --workers "$workers" --verify "$words"
    same "$expected
verify ok speedup X" "$(sed -E 's/^(verify ok speedup) [0-9]+\.[0-9]+$/\1 X/' <<<"$out")" "word_count --workers $workers"
done
code 0 "$built/word_count" "$words/empty"
same "total 0
distinct 0" "$out" "word_count of an empty directory"
ln -s "$words" "$work/a link to words"
code 0 "$built/word_count" "$work/a link to words"
same "$expected" "$out" "word_count of a link to the directory"
# What cannot be read is told, and all else counted. Address 0 of no process can be read.
ln -s nowhere "$words/dangling"
ln -s "a circle" "$words/a circle"
ln -s /proc/self/mem "$words/unreadable"
code 2 "$built/word_count" --verify "$words"
same "$expected" "$(head -n 12 <<<"$out")" "word_count with unreadable files"
for name in dangling "a circle" unreadable; do
    [ "$(grep -c "^word_count: $words/$name: " "$work/stderr")" = 1 ] || fail "word_count does not tell once of $name"
done
same 3 "$(wc -l <"$work/stderr")" "what word_count cannot read"
for input in "$work/missing" "$words/plain"; do
    code 2 "$built/word_count" "$input"
    same "" "$out" "word_count $input"
    grep -qF "$input" "$work/stderr" || fail "word_count does not say what it cannot read"
done
code 2 "$built/word_count"
code 2 "$built/word_count" --workers 0 "$words"

echo "image_pipeline"
usage image_pipeline
pictures="$work/pictures"
mkdir -p "$pictures/not looked at"
# Four colours in a palette of 2 bits, 16 bits of grey, and of colours with alpha; and what is a JPEG by its content only.
base64 -d >"$pictures/palette.png" <<<iVBORw0KGgoAAAANSUhEUgAAAAQAAAADAgMAAADJmkZVAAAADFBMVEUAAAD/AAAA/wAAAP+bwBPcAAAADElEQVR42mOQZgBCAAD5AFIeKyarAAAAAElFTkSuQmCC
base64 -d >"$pictures/grey" <<<iVBORw0KGgoAAAANSUhEUgAAAAUAAAAEEAAAAAAzyHbfAAAAFklEQVR42mNgYGRiZmFlY+fgZCDEBAAOWgC186NBowAAAABJRU5ErkJggg==
base64 -d >"$pictures/alpha.jpg" <<<iVBORw0KGgoAAAANSUhEUgAAAAIAAAACEAYAAAAiJtFnAAAAHElEQVR42mNgYGRiZmFlY+fg5OLm4eXjZ0AXAAANagDxAouUkQAAAABJRU5ErkJggg==
base64 -d >"$pictures/grey.png" <<</9j/4AAQSkZJRgABAgAAAQABAAD/wAALCAAEAAYBAREA/9sAQwAQCwwODAoQDg0OEhEQExgoGhgWFhgxIyUdKDozPTw5Mzg3QEhcTkBEV0U3OFBtUVdfYmdoZz5NcXlwZHhcZWdj/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AG+C/wDjy/4DX//Z
ln -s "$work/heat.png" "$pictures/$(printf 'link \xff.png')"
cp "$work/heat.png" "$pictures/not looked at/"
echo "no picture" >"$pictures/plain text"
mkfifo "$pictures/pipe.png"

# pipeline BROKEN BATCHES SIZES COMMAND...: its lines; how many pictures each batch has, in any order.
pipeline() {
    local broken=$1 batches=$2 sizes=$3
    shift 3
    code "$((broken > 0 ? 2 : 0))" "$built/image_pipeline" "$@"
    same "$sizes" "$(sed -nE 's/^batch [0-9]+ ([0-9]+) [0-9]+\.[0-9]+$/\1/p' <<<"$out" | sort -n | xargs)" "image_pipeline $*"
    grep -qE "^processed 5 broken $broken batches $batches wall [0-9]+\.[0-9]+$" <<<"$out" || fail "image_pipeline $*: $out"
}
# What kind of PNG: width, height, bits, colours.
kind_of() {
    head -c 26 "$1" | tail -c 10 | od -An -v -tx1 | tr -d ' \n'
}
for workers in 1 2 3 9; do
    sizes=$(case $workers in 1) echo 5 ;; 2) echo 2 3 ;; 3) echo 1 2 2 ;; 9) echo 1 1 1 1 1 ;; esac)
    pipeline 0 "$(wc -w <<<"$sizes")" "$sizes" --workers "$workers" --compare "$pictures" "$work/processed/$workers"
    same "speedup X" "$(tail -n 1 <<<"$out" | sed -E 's/^(speedup) [0-9]+\.[0-9]+$/\1 X/')" "image_pipeline --compare"
    same 5 "$(find "$work/processed/$workers" -type f | wc -l)" "how many pictures image_pipeline made"
done
for workers in 2 3 9; do
    diff -r "$work/processed/1" "$work/processed/$workers" || fail "image_pipeline makes others with $workers workers"
done
same 00000002000000010802 "$(kind_of "$work/processed/1/processed_palette.png")" "the picture with a palette"
same 00000002000000021000 "$(kind_of "$work/processed/1/processed_grey")" "the grey picture"
same 00000001000000011006 "$(kind_of "$work/processed/1/processed_alpha.jpg")" "the picture with alpha"
same ffd8ff "$(head -c 3 "$work/processed/1/processed_grey.png" | od -An -v -tx1 | tr -d ' ')" "the JPEG"
# What is cut, or is something else than its name says, is broken; all others are made.
head -c 60 "$pictures/palette.png" >"$pictures/cut"
head -c 300 "$pictures/grey.png" >"$pictures/cut too"
echo "no picture" >"$pictures/none.jpeg"
pipeline 3 2 "4 4" --workers 2 --compare "$pictures" "$work/processed/broken"
for name in cut "cut too" none.jpeg; do
    grep -q "^image_pipeline: $name: " "$work/stderr" || fail "image_pipeline does not tell of $name"
done
diff -r "$work/processed/1" "$work/processed/broken" || fail "image_pipeline makes others beside broken ones"
code 0 "$built/image_pipeline" "$words/empty" "$work/processed/none"
grep -qE "^processed 0 broken 0 batches 0 wall [0-9]+\.[0-9]+$" <<<"$out" || fail "image_pipeline of no pictures: $out"
ln -s "$pictures" "$work/a link to pictures"
for same in "$pictures" "$pictures/." "$work/a link to pictures"; do
    code 2 "$built/image_pipeline" "$pictures" "$same"
    same "" "$out" "image_pipeline into the same directory"
done
code 2 "$built/image_pipeline" "$work/missing" "$work/processed/1"
code 2 "$built/image_pipeline" "$pictures" "$work/heat.png"
code 2 "$built/image_pipeline" "$pictures"
code 2 "$built/image_pipeline" --workers 0 "$pictures" "$work/processed/1"

echo "chunk_processing"
usage chunk_processing
code 0 "$built/chunk_processing"
chunked="chunks 10 items 1000
chunk 0 item 0 result 0
chunk 1 item 100 result 10000
chunk 2 item 200 result 40000
chunk 3 item 300 result 90000
chunk 4 item 400 result 160000"
same "$chunked" "$out" chunk_processing
code 0 "$built/chunk_processing" --size 1000 --chunk 100 --workers 3
same "$chunked" "$out" "chunk_processing with 3 workers"
code 0 "$built/chunk_processing" --size 11 --chunk 10
same "chunks 2 items 11
chunk 0 item 0 result 0
chunk 0 item 1 result 1
chunk 0 item 2 result 4
chunk 0 item 3 result 9
chunk 1 item 10 result 100" "$out" "chunk_processing --size 11 --chunk 10"
code 0 "$built/chunk_processing" --size 0
same "chunks 0 items 0" "$out" "chunk_processing --size 0"
printf 'ABCABCABCABCAB' >"$work/letters"
letters="chunks 3 items 14
chunk 0 item 0 result 4225
chunk 0 item 1 result 4356
chunk 1 item 6 result 4225
chunk 1 item 7 result 4356
chunk 2 item 12 result 4225"
code 0 "$built/chunk_processing" --file "$work/letters" --chunk 6
same "$letters" "$out" "chunk_processing --file"
# As they come through a pipe in several parts.
code 0 bash -c "{ printf ABCABCAB; sleep 0.2; printf CABCAB; } | '$built/chunk_processing' --file /dev/stdin --chunk 6"
same "$letters" "$out" "chunk_processing --file /dev/stdin"
code 0 "$built/chunk_processing" --file "$words/random"
sum=$(od -An -v -tu1 -w1 "$words/random" | awk '{ sum += $1 * $1 } END { printf "%.0f", sum }')
same "chunk_processing: the sum of all results is $sum" "$(cat "$work/stderr")" "chunk_processing --file"
# A gibibyte, and not so much memory as that for any process.
truncate -s 1G "$work/sparse"
code 0 bash -c "ulimit -d $((128 << 10)); '$built/chunk_processing' --file '$work/sparse'"
same "chunks 4096 items $((1 << 30))" "$(head -n 1 <<<"$out")" "chunk_processing of a large file"
killed "$built/chunk_processing" --workers 3 --file "$work/sparse"
same "chunks 4096 items $((1 << 30))" "$(head -n 1 <<<"$out")" "chunk_processing with killed workers"
for input in "$work/missing" "$work"; do
    code 2 "$built/chunk_processing" --file "$input"
    same "" "$out" "chunk_processing --file $input"
    grep -qF "$input" "$work/stderr" || fail "chunk_processing does not say what it cannot read"
done
for wrong in "--chunk 0" "--size x" "--workers 0" "--size 5 --file $work/letters"; do
    # shellcheck disable=SC2086
    code 2 "$built/chunk_processing" $wrong
done

echo "robust_tasks"
usage robust_tasks
for seed in 1 2 3; do
    code 0 "$built/robust_tasks" --seed "$seed"
    robust=$out
    same "Panicked Panicked TimedOut WorkerDied WorkerDied ok ok ok ok ok" \
        "$(sed -n 's/^task [0-9] \([^ ]*\).*/\1/p' <<<"$robust" | LC_ALL=C sort | xargs)" robust_tasks
    same "0 1 2 3 4 5 6 7 8 9" "$(sed -n 's/^task \([0-9]\) .*/\1/p' <<<"$robust" | xargs)" robust_tasks
    same "9 11" "$(sed -n 's/.* WorkerDied signal //p' <<<"$robust" | sort -n | xargs)" robust_tasks
    same "summary ok 5 failed 5
map 0 1 4 9 16 25 36 49 64 81" "$(tail -n 2 <<<"$robust")" robust_tasks
    for workers in 1 4; do
        code 0 "$built/robust_tasks" --seed "$seed" --workers "$workers"
        same "$robust" "$out" "robust_tasks --seed $seed --workers $workers"
    done
done
code 2 "$built/robust_tasks" --seed x
code 2 "$built/robust_tasks" --workers 0

echo "overhead"
usage overhead
code 0 "$built/overhead" --simple 1000 --complex 10 --rounds 1 --workers 3
same "start_pool_seconds
simple_sequential_seconds
simple_pool_seconds
simple_pool_speedup
simple_rayon_seconds
simple_rayon_speedup
complex_sequential_seconds
complex_pool_seconds
complex_pool_speedup
complex_rayon_seconds
complex_rayon_speedup" "$(sed -nE 's/^([a-z_]+) [0-9]+\.[0-9]+$/\1/p' <<<"$out")" overhead
code 0 "$built/overhead" --sizes --rounds 1
same "item_ns X pool_speedup X rayon_speedup X" "$(sed -E '1d; s/ [0-9]+\.[0-9]+/ X/g' <<<"$out" | sort -u)" "overhead --sizes"
same 7 "$(wc -l <<<"$out")" "lines of overhead --sizes"
code 2 "$built/overhead" --workers 0
code 2 "$built/overhead" --sizes --simple 1

echo "all examples are as they should be; $(cat "$work/killed") workers were killed"
