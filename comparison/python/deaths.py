# Deaths among processes of Python, by name. What is seen is said in lines; see src/death/program.rs.
import concurrent.futures
import multiprocessing
import multiprocessing.shared_memory
import os
import signal
import sys
import threading
import time

fork = multiprocessing.get_context("fork")
MESSAGE = bytes(1024)


def say(*words):
    print(*words, flush=True)


def stay():
    while True:
        signal.pause()


def kill(pid):
    say("killed", time.monotonic_ns())
    os.kill(pid, signal.SIGKILL)


def told(error):
    words = " ".join(f"{type(error).__name__}: {error}".split())
    say("told", time.monotonic_ns(), words.rstrip(": "))


def goes_on(attempt):
    try:
        attempt()
        say("goes_on yes")
    except Exception:
        say("goes_on no")


def kill_when_quiet(pid, steps):
    """Kills when the main thread has made no step for a while."""

    def wait():
        last = 0
        while last != len(steps) or not steps:
            last = len(steps)
            time.sleep(0.1)
        kill(pid)

    threading.Thread(target=wait, daemon=True).start()


def started(target, *args):
    process = fork.Process(target=target, args=args, daemon=True)
    process.start()
    return process.pid


def wait_for(attempt):
    try:
        attempt()
        say("untold", time.monotonic_ns())
    except Exception as error:
        told(error)
    goes_on(attempt)


def fill(steps, put):
    while True:
        put()
        steps.append(1)


def queue_sender():
    queue = fork.Queue()

    def doomed():
        queue.put(MESSAGE)
        stay()

    pid = started(doomed)
    assert queue.get() == MESSAGE
    kill_when_quiet(pid, [1])
    wait_for(queue.get)


def queue_receiver():
    queue, steps = fork.Queue(4), []

    def doomed():
        queue.get()
        stay()

    pid = started(doomed)
    kill_when_quiet(pid, steps)
    wait_for(lambda: fill(steps, lambda: queue.put(MESSAGE)))


def queue_half():
    """One of two is killed when it has written a part of a message that nobody reads."""
    queue, ready = fork.Queue(), fork.Event()

    def survivor():
        ready.wait()
        queue.put(b"whole")
        queue.put(b"whole")
        stay()

    def doomed():
        queue.put(bytes(1 << 20))
        stay()

    started(survivor)
    pid = started(doomed)
    while not queue._reader.poll(0.01):
        pass
    kill(pid)
    ready.set()
    message = queue.get()
    say("untold", time.monotonic_ns())
    if message != b"whole":
        say("torn")
    goes_on(queue.get)


def pipe_sender():
    reader, writer = fork.Pipe(False)

    def doomed():
        reader.close()
        writer.send_bytes(MESSAGE)
        stay()

    pid = started(doomed)
    writer.close()
    assert reader.recv_bytes() == MESSAGE
    kill_when_quiet(pid, [1])
    wait_for(reader.recv_bytes)


def pipe_receiver():
    reader, writer = fork.Pipe(False)
    steps = []

    def doomed():
        writer.close()
        reader.recv_bytes()
        stay()

    pid = started(doomed)
    reader.close()
    kill_when_quiet(pid, steps)
    wait_for(lambda: fill(steps, lambda: writer.send_bytes(MESSAGE)))


def lock_holder():
    lock, pair, held = fork.Lock(), fork.RawArray("i", 2), fork.Event()

    def doomed():
        lock.acquire()
        pair[0] = 1
        held.set()
        stay()

    pid = started(doomed)
    held.wait()
    kill_when_quiet(pid, [1])

    def take():
        with lock:
            if pair[0] != pair[1]:
                say("torn")

    wait_for(take)


def die():
    kill(os.getpid())
    stay()


def double(x):
    return 2 * x


def worker_dies(submit):
    """`submit` answers what waits for the result."""
    try:
        submit(die)()
        say("untold", time.monotonic_ns())
    except Exception as error:
        told(error)
    goes_on(lambda: submit(double, 21)())


def pool_worker():
    pool = fork.Pool(2)
    worker_dies(lambda task, *args: pool.apply_async(task, args).get)


def executor_worker():
    pool = concurrent.futures.ProcessPoolExecutor(2, mp_context=fork)
    worker_dies(lambda task, *args: pool.submit(task, *args).result)


def busy():
    say("busy")
    stay()


def shared():
    return multiprocessing.shared_memory.SharedMemory(create=True, size=1 << 20)


def pool_parent():
    memory, pool = shared(), fork.Pool(2)
    pool.apply_async(busy).get()
    memory.unlink()


def executor_parent():
    memory = shared()
    pool = concurrent.futures.ProcessPoolExecutor(2, mp_context=fork)
    pool.submit(busy).result()
    memory.unlink()


globals()[sys.argv[1]]()
