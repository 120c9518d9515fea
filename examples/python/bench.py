"""Measures new + value + delete of a handle for a Python object, beside the ways
that programs have today. Prints ns: medians of interleaved rounds."""

import ctypes
import itertools
import statistics
import threading
import time

import cffi

from haft import through_cffi, through_ctypes

ROUNDS = 15
OPERATIONS = 10000
OBJECT = object()


def by_haft(Handle):
    def cycle():
        handle = Handle(OBJECT)
        word = handle.word
        found = Handle.from_word(word).value()
        handle.delete()
        return found

    return cycle


lock = threading.Lock()
numbers = itertools.count(1)
registry = {}


def by_dictionary():
    """The word is a number; a dictionary keeps the object."""
    with lock:
        word = next(numbers)
        registry[word] = OBJECT
    with lock:
        found = registry[word]
    with lock:
        del registry[word]
    return found


def by_py_object():
    """The word is the object's address; a dictionary keeps it alive."""
    kept = ctypes.py_object(OBJECT)
    address = id(OBJECT)
    with lock:
        registry[address] = kept
    found = ctypes.cast(address, ctypes.py_object).value
    with lock:
        del registry[address]
    return found


ffi = cffi.FFI()


def by_new_handle():
    """cffi's own handle, and a dictionary that keeps it."""
    word = ffi.new_handle(OBJECT)
    with lock:
        registry[word] = word
    found = ffi.from_handle(word)
    with lock:
        del registry[word]
    return found


WAYS = {
    "number + dict + lock": by_dictionary,
    "ctypes.py_object + dict + lock": by_py_object,
    "cffi new_handle + dict + lock": by_new_handle,
    "haft by ctypes": by_haft(through_ctypes.Handle),
    "haft by cffi": by_haft(through_cffi.Handle),
}


def measure(cycle):
    begin = time.perf_counter_ns()
    for _ in range(OPERATIONS):
        if cycle() is not OBJECT:
            raise AssertionError
    return (time.perf_counter_ns() - begin) / OPERATIONS


times = {name: [] for name in WAYS}
for _ in range(ROUNDS):
    for name, cycle in WAYS.items():
        times[name].append(measure(cycle))
print(f"{'Python: ns':32} {'cycle, 1':>12}")
for name, figures in times.items():
    print(f"{name:32} {statistics.median(figures):12.0f}")
