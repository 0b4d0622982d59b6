# The work of the other contenders in Python, on request: a line has the name of the work and how much of it; the answer is nanoseconds for each piece.
import concurrent.futures
import multiprocessing
import os
import sys
import time

now = time.perf_counter_ns
fork = multiprocessing.get_context("fork")
pools = {}


def trivial(x):
    return x ^ 0x5555


def pool():
    if "pool" not in pools:
        pools["pool"] = fork.Pool(2)
    return pools["pool"]


def executor():
    if "executor" not in pools:
        pools["executor"] = concurrent.futures.ProcessPoolExecutor(2, mp_context=fork)
    return pools["executor"]


def timed(count, body):
    start = now()
    body()
    return (now() - start) / count


def lock_uncontended(count):
    lock = fork.Lock()

    def body():
        for _ in range(count):
            with lock:
                pass

    return timed(count, body)


def contend(cpu, lock, counter, barrier, count, spans):
    os.sched_setaffinity(0, {cpu})
    barrier.wait()
    start = now()
    for _ in range(count):
        with lock:
            counter.value += 1
    spans.send((start, now()))


def lock_contended(count, *cpus):
    lock, counter, barrier = fork.Lock(), fork.RawValue("Q", 0), fork.Barrier(len(cpus))
    receive, send = fork.Pipe(False)
    workers = [
        fork.Process(target=contend, args=(cpu, lock, counter, barrier, count, send)) for cpu in cpus
    ]
    for worker in workers:
        worker.start()
    spans = [receive.recv() for _ in workers]
    for worker in workers:
        worker.join()
    assert counter.value == count * len(cpus)
    return (max(end for _, end in spans) - min(start for start, _ in spans)) / counter.value


def check(results):
    assert sum(results) == sum(map(trivial, range(len(results))))


def pool_map(count):
    return timed(count, lambda: check(pool().map(trivial, range(count))))


def executor_map(count):
    chunk = -(-count // 8)
    return timed(count, lambda: check(list(executor().map(trivial, range(count), chunksize=chunk))))


def pool_pipelined(count):
    def body():
        results = [pool().apply_async(trivial, (x,)) for x in range(count)]
        check([result.get() for result in results])

    return timed(count, body)


def executor_pipelined(count):
    def body():
        results = [executor().submit(trivial, x) for x in range(count)]
        check([result.result() for result in results])

    return timed(count, body)


def pool_round_trip(count):
    return timed(count, lambda: check([pool().apply(trivial, (x,)) for x in range(count)]))


def executor_round_trip(count):
    return timed(count, lambda: check([executor().submit(trivial, x).result() for x in range(count)]))


def start(context, count):
    def body():
        for _ in range(count):
            process = multiprocessing.get_context(context).Process()
            process.start()
            process.join()
            assert process.exitcode == 0

    return timed(count, body)


def start_fork(count):
    return start("fork", count)


def start_spawn(count):
    return start("spawn", count)


def main():
    works = globals()
    for line in sys.stdin:
        name, *numbers = line.split()
        print(works[name](*map(int, numbers)), flush=True)


if __name__ == "__main__":
    main()
