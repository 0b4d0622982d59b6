# Python's pools on the work of the other parts, of two processes: nanoseconds a task, the median of some rounds.
import concurrent.futures
import multiprocessing
import statistics
import time


def trivial(x):
    return x ^ 0x5555


def see(point):
    return point[0] ^ 0x5555, point[1], True


def nothing():
    pass


def report(name, tasks, body, rounds=7):
    body()
    took = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        body()
        took.append((time.perf_counter_ns() - start) / tasks)
    print(f"{name} {statistics.median(took):.1f}", flush=True)


def main():
    context = multiprocessing.get_context("fork")
    tasks, few = 100_000, 5_000

    def start_and_join():
        with context.Pool(2) as pool:
            pool.close()
            pool.join()

    report("python_start_join_2_ns", 1, start_and_join)
    with context.Pool(2) as pool:

        def pipelined():
            results = [pool.apply_async(trivial, (x,)) for x in range(few)]
            assert [result.get() for result in results][7] == trivial(7)

        report("python_map_ns", tasks, lambda: pool.map(trivial, range(tasks)))
        points = [(x, 1, False) for x in range(tasks)]
        report("python_map_tuples_ns", tasks, lambda: pool.map(see, points))
        report("python_map_chunk1_ns", few, lambda: pool.map(trivial, range(few), 1))
        report("python_imap_ns", few, lambda: list(pool.imap(trivial, range(few))))
        report("python_imap_chunk100_ns", tasks, lambda: list(pool.imap(trivial, range(tasks), 100)))
        report("python_apply_async_ns", few, pipelined)
        report("python_roundtrip_ns", few, lambda: [pool.apply(nothing) for _ in range(few)])
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:

        def submitted():
            results = [pool.submit(trivial, x) for x in range(few)]
            assert [result.result() for result in results][7] == trivial(7)

        chunk = -(-tasks // 8)
        report(
            "python_futures_map_ns",
            tasks,
            lambda: list(pool.map(trivial, range(tasks), chunksize=chunk)),
        )
        report("python_futures_map_chunk1_ns", few, lambda: list(pool.map(trivial, range(few))))
        report("python_futures_submit_ns", few, submitted)


if __name__ == "__main__":
    main()
