#!/usr/bin/env bash
# The protocols, explored by loom; and the same with a part of them taken away, which must fail. `ci/loom.sh all` leaves out none of them, and takes minutes longer.
set -euo pipefail
cd "$(dirname "$0")/../models"

# The longest plays; shorter ones are alike, and chance plays them too.
long=(
    barrier_two_turns
    condition_a_newcomer_inherits_what_was_told
    event_set_and_cleared_at_once
    pool_one_dies_having_begun
    pool_one_dies_having_claimed_and_another_tries
    pool_the_woken_one_dies
    pool_two_workers
    queue_closes
    queue_full_a_consumer_dies_with_a_slot
    queue_one_dies_closing
    queue_who_looks_hears_of_the_end
    semaphore_a_try_leaves_no_trace
    semaphore_one_permit_three_visitors
    semaphore_the_woken_one_dies
    semaphore_dies_when_it_has_cleared
    semaphore_giver_and_woken_one_die
    semaphore_a_time_out_leaves_no_trace
    semaphore_the_late_one_dies
    semaphore_holder_and
)
[ "${1:-}" != all ] || long=()
cargo test --release -- "${long[@]/#/--skip=}"
cargo test --release --features one_cell borrow_model

# part model: without the part, that model must find a deadlock.
while read -r part model; do
    if MODEL_BROKEN="$part" cargo test --release "$model" >/dev/null 2>&1; then
        echo "ci/loom.sh: $model does not notice that $part is missing" >&2
        exit 1
    fi
    echo "without $part, $model fails, as it must"
done <<'END'
ring loom_a_reader_and_a_writer
watch loom_a_borrower_dies
depend_on loom_holder_and_heir_die
ring_bell loom_a_lender_dies
ring_bell loom_a_host_and_its_guest
watch loom_a_host_and_its_guest_die
watch loom_a_lender_of_seats_dies
depend_on loom_barrier_one_dies_arrived_and_one_is_missing
ring loom_barrier_the_last_dies_before_it_rings
ring_all loom_barrier_two_pass
watch loom_barrier_one_dies_in_its_action
ring_bell_once loom_semaphore_one_permit_two_visitors
depend_on loom_semaphore_a_bare_giver_dies_when_it_has_cleared
watch loom_semaphore_a_holder_dies_beside_one
live loom_who_takes_a_spare_away_dies_taking_it
list loom_a_listed_block_is_not_freed
warden loom_a_sender_lists_while_the_warden_goes
depend_on loom_event_setter_and_woken_waiter_die
watch loom_condition_one_told_dies_with_the_lock
emptied loom_condition_one_told_ends
emptied_after loom_condition_one_told_dies_giving_back
light loom_ring_of_one
ring_bell loom_pool_one_worker
watch loom_ring_sender_dies_before_it_rings
depend_on loom_ring_receiver_dies_having_come
ring_bell loom_queue_a_watcher
ring_bell loom_queue_two_watchers_of_one_that_died_when_it_had_cleared
depend_on loom_queue_a_watcher_of_one_that_died_when_it_had_cleared
ring_bell_once loom_queue_a_watcher_and_a_getter_of_a_dead_producer
watch loom_queue_a_watcher_of_a_dead_borrower
ring_bell loom_ring_watched
depend_on loom_event_a_watcher_of_a_dead_setter
END
