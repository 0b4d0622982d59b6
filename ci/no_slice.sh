#!/usr/bin/env bash
# The tests of deaths with sleeps that end by a wake-up only: a lost one hangs, and the watchdog names it.
set -euo pipefail
cd "$(dirname "$0")/.."
MULTIPROC_SLICE_MS=3600000 cargo test --workspace --test contended --test schedules --test crash_matrix --test compat_deaths --test deaths --test deaths_at_steps \
    --test barrier_deaths --test condition --test semaphore --test semaphore_deaths --test ring --test ring_deaths \
    --test queue --test queue_items --test queue_leases --test queue_deaths --test pool --test pool_life --test pool_deaths --test pool_results --test pool_futures --test pool_arrays --test pool_scope --test pool_imap --test pool_room --test pool_ends --test channel --test connection --test connection_deaths --test queue_batches --test wait --test readiness
