#!/usr/bin/env bash
# The long storm, on its own: random kills by number (100,000 unless said), optimised. Usage: ci/storm.sh [KILLS]
set -euo pipefail
cd "$(dirname "$0")/.."
export MULTIPROC_STORM_TASKS=100000
MULTIPROC_STORM_KILLS="${1:-100000}" cargo test --release --test storm --test storm_of_locks --test storm_of_queues --test storm_of_pools -- --nocapture
