"""Messages by Python's own ways: a turn of the work for each line of standard input, and a line with the answer.

Arguments: the way (pipe, queue or simple_queue), the work (echo or stream), the bytes of a message, how many pairs, two processors.
A line of input: the milliseconds of the turn. A line of output: nanoseconds one way, or messages a second.
"""

import multiprocessing
import os
import sys
import time

STOP = 2**32 - 1
PAUSE = 200e-6


def pipe(context, places):
    """Both ends; bytes as they are."""
    return context.Pipe(duplex=False)


def queue(context, places):
    both = context.Queue(places)
    return both, both


def simple_queue(context, places):
    both = context.SimpleQueue()
    return both, both


def receiving(way):
    """The function that receives, found once."""
    return way[0].recv_bytes if hasattr(way[0], "recv_bytes") else way[0].get


def sending(way):
    return way[1].send_bytes if hasattr(way[1], "send_bytes") else way[1].put


def message(word, size):
    """All words of a message are the same."""
    return word.to_bytes(8, sys.byteorder) * (size // 8)


def word_of(received, size):
    word = int.from_bytes(received[:8], sys.byteorder)
    assert received == message(word, size), "a message is torn"
    return word


def client(there, back, size, length):
    send, receive = sending(there), receiving(back)
    end = time.perf_counter() + length
    word, sums, measured = 0, 0, []
    while time.perf_counter() < end:
        pause = time.perf_counter() + PAUSE
        while time.perf_counter() < pause:
            pass
        word += 1
        start = time.perf_counter_ns()
        send(message(word, size))
        answer = word_of(receive(), size)
        measured.append((time.perf_counter_ns() - start) / 2)
        assert answer == word, "another message came"
        sums += answer
    send(message(STOP, size))
    assert word_of(receive(), size) == STOP
    return word, sums, sorted(measured)[len(measured) // 2]


def server(there, back, size, length):
    receive, send = receiving(there), sending(back)
    messages, sums = 0, 0
    while True:
        word = word_of(receive(), size)
        send(message(word, size))
        if word == STOP:
            return messages, sums, 0
        messages += 1
        sums += word


def sender(there, back, size, length):
    send = sending(there)
    begin = time.monotonic_ns()
    end = time.perf_counter() + length
    word, sums = 0, 0
    while word % 16 or time.perf_counter() < end:
        word += 1
        send(message(word, size))
        sums += word
    send(message(STOP, size))
    return word, sums, begin


def receiver(there, back, size, length):
    receive = receiving(there)
    messages, sums = 0, 0
    while True:
        word = word_of(receive(), size)
        if word == STOP:
            return messages, sums, time.monotonic_ns()
        messages += 1
        sums += word


def play(role, there, back, size, cpu, control):
    """Turns, until nobody asks for one."""
    os.sched_setaffinity(0, [cpu])
    try:
        while True:
            control.send(role(there, back, size, control.recv()))
    except EOFError:
        pass


def main():
    way, work, size, pairs, *cpus = sys.argv[1:]
    size, pairs, cpus = int(size), int(pairs), [int(cpu) for cpu in cpus]
    context = multiprocessing.get_context("spawn")
    kind = {"pipe": pipe, "queue": queue, "simple_queue": simple_queue}[way]
    places = max(4, min(1024, (512 << 10) // size))
    there, back = kind(context, places), kind(context, places)
    roles = [server, client] if work == "echo" else [receiver] * pairs + [sender] * pairs
    controls = []
    for number, role in enumerate(roles):
        ours, theirs = context.Pipe()
        cpu = cpus[number % 2 if pairs == 1 else number % pairs % 2]
        arguments = (role, there, back, size, cpu, theirs)
        context.Process(target=play, args=arguments, daemon=True).start()
        theirs.close()
        controls.append(ours)
    for line in sys.stdin:
        for control in controls:
            control.send(float(line) / 1e3)
        done = [control.recv() for control in controls]
        received, sent = done[: len(done) // 2], done[len(done) // 2 :]
        total = lambda those: [sum(one[which] for one in those) for which in (0, 1)]
        assert total(received) == total(sent), "messages were lost"
        if work == "echo":
            print(sent[0][2], flush=True)
        else:
            # From before the first message until after the last, by the clock of all processes.
            whole = max(one[2] for one in received) - min(one[2] for one in sent)
            print(total(received)[0] * 1e9 / whole, flush=True)


if __name__ == "__main__":
    main()
