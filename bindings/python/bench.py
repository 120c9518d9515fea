"""Measures a handle for a Python object beside the ways that programs have today: new + look-up + delete, and a look-up alone.

Prints ns for each operation, for one and for two threads: the least of many short interleaved rounds, and the ratio to the number
in a dictionary under a lock. Two threads share the GIL, so their figure is the time that passes for an operation of either.

    bench.py [--smoke]
"""

import ctypes
import itertools
import sys
import threading
import time

import haft

try:
    import cffi
except ImportError:
    cffi = None

SMOKE = "--smoke" in sys.argv[1:]
ROUNDS = 3 if SMOKE else 41
CYCLES = 200 if SMOKE else 4000
THING = object()

lock = threading.Lock()
numbers = itertools.count(1)
registry = {}


# Each way is a function that runs `count` cycles, so that the loop is the same for all.


def by_dictionary(count):
    """The word is a number; a dictionary keeps the object."""
    for _ in range(count):
        with lock:
            word = next(numbers)
            registry[word] = THING
        with lock:
            found = registry[word]
        with lock:
            del registry[word]
    return found


def by_py_object(count):
    """The word is the object's address; a dictionary keeps it alive."""
    py_object, cast = ctypes.py_object, ctypes.cast
    for _ in range(count):
        kept = py_object(THING)
        address = id(kept)
        with lock:
            registry[address] = kept
        found = cast(id(THING), py_object).value
        with lock:
            del registry[address]
    return found


def by_new_handle(count):
    """The word is a handle of cffi, and a dictionary keeps it."""
    for _ in range(count):
        word = ffi.new_handle(THING)
        with lock:
            registry[word] = word
        found = ffi.from_handle(word)
        with lock:
            del registry[word]
    return found


def by_address(count):
    """The word is the object's address, and nothing checks it or keeps the object alive."""
    py_object, cast = ctypes.py_object, ctypes.cast
    for _ in range(count):
        word = id(THING)
        found = cast(word, py_object).value
    return found


def by_functions(implementation):
    new, value, delete = implementation.new, implementation.value, implementation.delete

    def cycles(count):
        for _ in range(count):
            word = new(THING)
            found = value(word)
            delete(word)
        return found

    return cycles


def by_handle(implementation):
    Handle = implementation.Handle  # noqa: N806

    def cycles(count):
        for _ in range(count):
            handle = Handle(THING)
            found = handle.value()
            handle.delete()
        return found

    return cycles


def by_handle_and_word(implementation):
    """The object is looked up by the word that C gives back."""
    Handle, value = implementation.Handle, implementation.value  # noqa: N806

    def cycles(count):
        for _ in range(count):
            with Handle(THING) as handle:
                found = value(handle.word)
        return found

    return cycles


def look_up_locked(count):
    word = next(numbers)
    registry[word] = THING
    for _ in range(count):
        with lock:
            found = registry[word]
    del registry[word]
    return found


def look_up_bare(count):
    word = next(numbers)
    registry[word] = THING
    for _ in range(count):
        found = registry[word]
    del registry[word]
    return found


def look_up_get(count):
    word, get = next(numbers), registry.get
    registry[word] = THING
    for _ in range(count):
        found = get(word)
    del registry[word]
    return found


def look_up_value(implementation):
    value = implementation.value

    def look_ups(count):
        word = implementation.new(THING)
        for _ in range(count):
            found = value(word)
        implementation.delete(word)
        return found

    return look_ups


def look_up_handle(implementation):
    def look_ups(count):
        with implementation.Handle(THING) as handle:
            for _ in range(count):
                found = handle.value()
        return found

    return look_ups


def empty(count):
    for _ in range(count):
        found = THING
    return found


def implementations():
    """Returns the one that `haft` has chosen, and the fall-back."""
    from haft import _fallback

    return haft, _fallback


def measure_alone(way, count):
    begin = time.perf_counter_ns()
    if way(count) is not THING:
        raise AssertionError(way)
    return (time.perf_counter_ns() - begin) / count


def measure_two(way, count):
    ready = threading.Barrier(3)
    wrong = []

    def run():
        ready.wait()
        if way(count) is not THING:
            wrong.append(way)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    ready.wait()
    begin = time.perf_counter_ns()
    for thread in threads:
        thread.join()
    if wrong:
        raise AssertionError(wrong)
    return (time.perf_counter_ns() - begin) / (2 * count)


def table(title, ways):
    """Measures the ways in turn, and prints a line for each. The first one is the rival of the others."""
    least = {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            for threads, measure in enumerate((measure_alone, measure_two), 1):
                time_taken = measure(way, CYCLES)
                least[name, threads] = min(time_taken, least.get((name, threads), time_taken))
    rival = next(iter(ways))
    print(f"{title:44} {'1 thread':>9} {'ratio':>6} {'2 threads':>10} {'ratio':>6}")
    for name in ways:
        one, two = least[name, 1], least[name, 2]
        print(f"{name:44} {one:9.1f} {one / least[rival, 1]:6.2f} {two:10.1f} {two / least[rival, 2]:6.2f}")


chosen, fallback = implementations()
print(f"Python {sys.version.split()[0]}, haft {haft.__version__}, {haft.implementation}; least of {ROUNDS} rounds of {CYCLES}; ns")
cycles = {
    "number + dict + lock": by_dictionary,
    "ctypes.py_object + dict + lock": by_py_object,
    "id() and ctypes.cast, unchecked": by_address,
}
if cffi is not None:
    ffi = cffi.FFI()
    cycles["cffi new_handle + dict + lock"] = by_new_handle
cycles |= {
    "haft.new, haft.value, haft.delete": by_functions(chosen),
    "haft.Handle, .value(), .delete()": by_handle(chosen),
    "with haft.Handle, haft.value(word)": by_handle_and_word(chosen),
    "the functions through ctypes": by_functions(fallback),
    "haft.Handle through ctypes": by_handle(fallback),
    "(an empty loop)": empty,
}
table("new + look-up + delete", cycles)
table(
    "look-up",
    {
        "dict + lock": look_up_locked,
        "dict, without a lock": look_up_bare,
        "dict.get, without a lock": look_up_get,
        "ctypes.cast of id(), unchecked": by_address,
        "haft.value(word)": look_up_value(chosen),
        "handle.value()": look_up_handle(chosen),
        "(an empty loop)": empty,
    },
)
