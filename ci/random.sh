#!/usr/bin/env bash
# The protocols under chance, and the schedules by hand; and the same with a part of them taken away, which must fail. Usage: ci/random.sh [RUNS]: so many of each play, by seeds of this moment.
set -euo pipefail
cd "$(dirname "$0")/../models/random"
if [ $# -gt 0 ]; then
    RANDOM_RUNS="$1" RANDOM_SEED="${RANDOM_SEED:-$(date +%s)000000}" cargo test --release random_
    exit
fi
cargo test --release
RANDOM_RUNS=50000 cargo test --release --features one_cell random_borrow

# part model: without the part, that model must find somebody asleep.
while read -r part model; do
    if MODEL_BROKEN="$part" cargo test --release "$model" >/dev/null 2>&1; then
        echo "ci/random.sh: $model does not notice that $part is missing" >&2
        exit 1
    fi
    echo "without $part, $model fails, as it must"
done <<'END'
ring random_lock
watch random_lock
depend_on random_lock
ring_bell random_borrow
watch random_borrow
depend_on random_borrow
ring_bell_once random_semaphore
ring_all random_semaphore
watch random_semaphore
depend_on random_semaphore
ring_all random_event
depend_on random_event
ring_all random_barrier
ring_life random_barrier
watch random_barrier
depend_on random_barrier
ring random_condition
watch random_condition
ring_life random_condition
ring_bell_once random_queue
ring_bell random_queue
depend_on random_queue
watch random_queue
ring_bell_once random_pool
ring_bell random_pool
watch random_pool
END
