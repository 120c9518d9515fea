"""The keys of an experiment: type, range, default and meaning, for the checks, for `list parameters` and for docs/study.md."""

import re
from dataclasses import dataclass
from typing import Any, Callable

from complaint import suggestion

WORKLOADS = {
    "find": "look-ups of live handles, drawn by `skew`; no thread deletes",
    "find-first": "look-ups of each live handle once by each thread, until all are; nothing comes before",
    "stale": "look-ups of handles that were deleted before the warm-up",
    "churn": "New, then Delete of the same handle",
    "churn-find": "New, Find and Delete of the same handle",
    "burst": "`burst` times New, then Delete of all these",
    "batch": "NewBatch and DeleteBatch of `batch` handles",
    "mixed": "Find, New, Delete and stale Find by `mix`, each thread on handles of its own",
    "shared-mix": "as mixed, but all threads read and replace the same cells",
    "hand-off": "an even thread makes handles and the next thread deletes them",
    "producers-consumers": "`producers` threads make handles and the others delete them",
    "ownership": "each handle is deleted by a thread that a seeded permutation names",
    "pin": "Pin, touch and Unpin of handles drawn by `skew`",
    "pin-hold": "each step pins one handle and lets go of the oldest of `hold` pins",
    "delete-pinned": "a thread pins a handle of its own, deletes it while it is pinned, and lets go",
    "delete-unless-pinned": "New, then a conditional Delete of the same handle, which nobody has pinned",
    "scope": "opens a Scope, looks `hold` handles up in it, and closes it",
    "stale-scope": "opens a Scope, looks up `hold` handles in it that were deleted before the warm-up, and closes it",
    "mixed-scope": "opens a Scope, does `hold` operations of mixed in it, and closes it",
    "thread-churn": "churn by threads that live for `lifetime` operations",
    "full": "New on a full table, which must fail",
    "grow": "New without Delete, until the capacity is used up",
    "stats": "thread 0 asks for Stats while the others do mixed",
    "idle": "churn beside `bystanders` threads that have used the table once",
}
# Workloads that only the simulator has.
SIMULATED_WORKLOADS = {
    "find-hot": "all cores look up the same handle",
    "find-uniform": "look-ups of `live` handles",
    "hand-off-near": "core 2i makes handles that core 2i + 1 deletes",
    "hand-off-far": "core i makes handles that core i + n/2 deletes",
    "first-calls": "the first churns of all cores, begun together",
    "first-use": "all cores look a new handle up for the first time",
    "lock": "a lock alone",
    "fetch-add": "an addition to one shared word",
    "own-cas": "a compare-and-swap of the core's own word",
    "ping-pong-near": "cores 2i and 2i + 1 hand a word to and fro",
    "ping-pong-far": "cores i and i + n/2 hand a word to and fro",
}
PLACEMENTS = {
    "compact": "node by node; within a node a CPU of each core first, then the SMT siblings",
    "scatter": "nodes in turn; a CPU of each core first, then the SMT siblings",
    "cores": "one CPU of each core, node by node; never two siblings",
    "siblings": "all siblings of a core, then the next core",
    "node:N": "the CPUs of NUMA node N only",
    "cpus:LIST": "these CPUs in this order, such as cpus:0,2,4-7",
    "none": "not pinned",
}
EVENTS = ["cycles", "instructions", "cache-references", "cache-misses", "branches", "branch-misses", "bus-cycles",
          "stalled-cycles-frontend", "stalled-cycles-backend", "ref-cycles", "cpu-clock", "task-clock", "page-faults",
          "minor-faults", "major-faults", "context-switches", "cpu-migrations", "alignment-faults", "emulation-faults",
          "compare-and-swaps", "failed-compare-and-swaps"]
# The library to preload and the Debian package that has it.
ALLOCATORS = {"glibc": (None, None), "jemalloc": ("libjemalloc.so.2", "libjemalloc2"),
              "mimalloc": ("libmimalloc.so.2", "libmimalloc2.0"),
              "tcmalloc": ("libtcmalloc_minimal.so.4", "libtcmalloc-minimal4")}
REVISIONS = ["base", "head"]
OPERATIONS = ["find", "new", "delete", "stale"]
UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9}


@dataclass(frozen=True)
class Parameter:
    key: str
    type: str  # for the reader
    range: str  # for the reader
    default: Any  # None: the key must be given
    meaning: str
    check: Callable[[Any], Any]  # returns the value in its one spelling, or raises ValueError with the rest of the sentence
    axis: bool = True  # a list of values is an axis


def duration_ns(value: Any) -> int:
    """Returns the nanoseconds of a duration such as "300ms"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(ns|us|ms|s|min)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'must be a duration such as "300ms", not {value!r}')
    return round(float(match[1]) * UNITS[match[2]])


def cpu_list(text: str) -> list[int]:
    """Returns the numbers of a list such as 0,2,4-7."""
    cpus = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if match is None or match[2] and int(match[2]) < int(match[1]):
            raise ValueError(f'"{part}" is neither a number nor a range')
        cpus += range(int(match[1]), int(match[2] or match[1]) + 1)
    return cpus


def mix_shares(text: str) -> dict[str, int]:
    """Returns the percent of each operation of a mix such as "find:90,new:5,delete:5"."""
    shares = dict.fromkeys(OPERATIONS, 0)
    for part in text.split(","):
        operation, _, percent = part.partition(":")
        if operation not in shares or not percent.isdecimal():
            raise ValueError(f'"{part}" is not OPERATION:PERCENT with an operation of {", ".join(OPERATIONS)}')
        shares[operation] = int(percent)
    return shares


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _integer(low: int, high: int) -> Callable[[Any], int]:
    def check(value):
        if not _is_integer(value):
            raise ValueError(f"must be an integer, not {value!r}")
        if not low <= value <= high:
            raise ValueError(f"must be from {low} to {high}, not {value}")
        return value
    return check


def _number(low: float, high: float) -> Callable[[Any], float]:
    def check(value):
        if not (_is_integer(value) or isinstance(value, float)):
            raise ValueError(f"must be a number, not {value!r}")
        if not low <= value <= high:
            raise ValueError(f"must be from {low:g} to {high:g}, not {value:g}")
        return value
    return check


def _boolean(value):
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")
    return value


def _text(value):
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"must be a text, not {value!r}")
    return value


def _choice(names) -> Callable[[Any], str]:
    def check(value):
        if not isinstance(value, str):
            raise ValueError(f"must be a text, not {value!r}")
        if value not in names:
            raise ValueError(f'has no "{value}"{suggestion(value, names)}')
        return value
    return check


def _duration(low: str, high: str) -> Callable[[Any], str]:
    def check(value):
        if not duration_ns(low) <= duration_ns(value) <= duration_ns(high):
            raise ValueError(f"must be from {low} to {high}, not {value}")
        return value
    return check


def _revision(value):
    if value not in ("", *REVISIONS):
        raise ValueError("is set by `ab` only")
    return value


def _threads(value):
    if not (_is_integer(value) and value >= 1 or isinstance(value, str)):
        raise ValueError(f'must be a number of at least 1 or a range such as "1,2,4..all,x2", not {value!r}')
    return value


def _placement(value):
    kind, _, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind == "node" and rest.isdecimal():
        return value
    if kind == "cpus" and rest:
        cpu_list(rest)
        return value
    return _choice(PLACEMENTS)(value)


def _skew(value):
    parts = value.split(":") if isinstance(value, str) else []
    numbers = [float(part) for part in parts[1:] if re.fullmatch(r"\d+(\.\d+)?", part)]
    if parts == ["uniform"]:
        return value
    if parts[:1] == ["zipf"] and len(parts) == 2 and len(numbers) == 1 and 0.5 <= numbers[0] <= 1.5:
        return value
    if parts[:1] == ["hot"] and len(parts) == 3 and len(numbers) == 2 and numbers[0] >= 1 and 1 <= numbers[1] <= 100:
        return value
    raise ValueError(f'must be "uniform", "zipf:S" with S from 0.5 to 1.5, or "hot:KEYS:PERCENT", not {value!r}')


def _mix(value):
    if not isinstance(value, str):
        raise ValueError(f'must be a text such as "find:90,new:5,delete:5", not {value!r}')
    shares = mix_shares(value)
    if sum(shares.values()) != 100:
        raise ValueError(f'must add up to 100 percent, and "{value}" adds up to {sum(shares.values())}')
    if shares["new"] != shares["delete"]:
        raise ValueError(f'must have as many New as Delete, because the number of live handles stays, and "{value}" has not')
    return value


def _think(value):
    if value == "none" or isinstance(value, str) and re.fullmatch(r"(constant|exponential):[1-9]\d{0,8}", value):
        return value
    raise ValueError(f'must be "none", "constant:NS" or "exponential:NS", not {value!r}')


def _arrival(value):
    if value == "closed" or isinstance(value, str) and re.fullmatch(r"open:[1-9]\d{0,8}", value):
        return value
    raise ValueError(f'must be "closed" or "open:RATE" with operations per second and thread, not {value!r}')


def _latency(value):
    if isinstance(value, bool):
        return int(value)
    if _is_integer(value) and 0 <= value <= 10**6:
        return value
    raise ValueError(f"must be true, false or a number up to 1000000, not {value!r}")


def _holds(value):
    if not isinstance(value, list) or not value or not all(_is_integer(one) and 0 <= one <= 10**6 for one in value):
        raise ValueError(f"must be a list of nanoseconds, not {value!r}")
    return value


def _counters(value):
    if value == "none":
        return []
    if not isinstance(value, list):
        raise ValueError(f'must be "none" or a list of events, not {value!r}')
    return [_choice(EVENTS)(event) for event in value]


# Not here: what the rules of docs/study.md fix for every experiment, such as the barrier at the start.
TABLE = [
    Parameter("title", "text", "", None, "the title of the report", _text, axis=False),
    Parameter("arms", "text", "`list arms`; * and ? as in a shell", None, "the implementations", _text),
    Parameter("revision", "text", "", "", "the build that an arm is from; only `ab` sets it", _revision),
    Parameter("workload", "text", "`list workloads`", "churn", "the operations of a thread",
              _choice({**WORKLOADS, **SIMULATED_WORKLOADS})),
    Parameter("threads", "number or range", "1 or more; `A,B,C..D`, `all`, `xN`", "1,2,4..all",
              "threads; `all` is each CPU once, `xN` N times as many; `1,2,4..D` doubles and `1,2..D` adds up to D", _threads),
    Parameter("placement", "text", ", ".join(PLACEMENTS), "compact", "the CPUs of the threads, from hwloc's topology",
              _placement),
    Parameter("live", "integer", "1 to 10^9", 1000, "handles that are live before the warm-up, of all threads together",
              _integer(1, 10**9)),
    Parameter("occupancy", "percent", "1 to 100", 50, "live handles and those in hand, as a part of the table's capacity",
              _number(1, 100)),
    Parameter("skew", "text", "`uniform`, `zipf:S`, `hot:KEYS:PERCENT`", "uniform",
              "which handles are looked up; S from 0.5 to 1.5", _skew),
    Parameter("mix", "text", "percent, sum 100", "find:90,new:5,delete:5", "shares of find, new, delete and stale in the mixes",
              _mix),
    Parameter("think", "text", "`none`, `constant:NS`, `exponential:NS`", "none",
              "time between two operations, spent in a loop that touches no memory", _think),
    Parameter("value", "integer", "1 to 8", 1, "words of a value; `list arms` has the sizes of each arm", _integer(1, 8)),
    Parameter("touch", "boolean", "", False, "whether a reader reads what the value points to", _boolean),
    Parameter("batch", "integer", "1 to 65536", 16, "handles of a NewBatch", _integer(1, 65536)),
    Parameter("burst", "integer", "1 to 10^6", 256, "handles of a burst", _integer(1, 10**6)),
    Parameter("hold", "integer", "1 to 65536", 16, "pins that are held, or look-ups of a scope", _integer(1, 65536)),
    Parameter("lifetime", "integer", "1 to 10^9", 1000, "operations in the life of a thread of thread-churn",
              _integer(1, 10**9)),
    Parameter("bystanders", "integer", "0 to 65536", 0, "idle threads beside the workload idle", _integer(0, 65536)),
    Parameter("producers", "integer", "1 to 65536", 1, "threads that make handles in producers-consumers", _integer(1, 65536)),
    Parameter("arrival", "text", "`closed`, `open:RATE`", "closed",
              "the next operation when the last is done, or RATE per second and thread; then latency is from when it was due",
              _arrival),
    Parameter("allocator", "text", ", ".join(ALLOCATORS), "glibc", "the allocator that is preloaded", _choice(ALLOCATORS)),
    Parameter("pages", "text", "default, huge", "default", "whether the table's memory is asked to be huge pages",
              _choice(["default", "huge"])),
    Parameter("latency", "boolean or integer", "0 to 10^6", 0, "times every Nth operation; true is every one", _latency,
              axis=False),
    Parameter("counters", "list of text", "perf events, or `none`", "none",
              "counters of the measurement; the arms `retries/*` have `compare-and-swaps` and `failed-compare-and-swaps`",
              _counters, axis=False),
    Parameter("energy", "boolean", "", False, "energy of the packages (RAPL) over the life of each worker", _boolean,
              axis=False),
    Parameter("repetitions", "integer", "1 to 1000", 15, "processes for each cell; fewer than nine bring a warning",
              _integer(1, 1000), axis=False),
    Parameter("seed", "integer", "0 to 2^32 - 1", 37033, "of the order of the runs, the operations and the resamples",
              _integer(0, 2**32 - 1), axis=False),
    Parameter("time.warm_up", "duration", "0ms to 10min", "100ms",
              "what each thread does before the measurement, and is thrown away", _duration("0ms", "10min"), axis=False),
    Parameter("time.measure", "duration", "1ms to 60min", "300ms", "the measurement", _duration("1ms", "60min"), axis=False),
    Parameter("time.limit", "duration", "100ms to 60min", "30s",
              "how much longer than warm-up and measurement a worker may take", _duration("100ms", "60min"), axis=False),
    Parameter("plot.x", "text", "an axis", "threads", "the axis that plots have from left to right", _text, axis=False),
    Parameter("plot.columns", "integer", "1 or 2", 2, "the width of plots, in columns of a paper", _integer(1, 2), axis=False),
    Parameter("compare.axis", "text", "an axis", "arm", "the axis whose values are compared, all others being equal", _text,
              axis=False),
    Parameter("compare.baseline", "text", "a value of compare.axis", "",
              "the value that others are compared with; the first if empty", lambda value: value, axis=False),
    Parameter("compare.metric", "text", "throughput, p50, p99, p99.9", "throughput", "what is compared",
              _choice(["throughput", "p50", "p99", "p99.9"]), axis=False),
    Parameter("compare.smallest_effect", "percent", "0 to 100", 2, "a ratio of medians nearer to 1 is never called faster",
              _number(0, 100), axis=False),
    Parameter("simulate.machine", "text", "`list machines`", "milan", "the machine that `simulate` simulates", _text,
              axis=False),
    Parameter("simulate.cores", "range", "up to 256", "1,2,4..256", "its cores, each with one thread", _text, axis=False),
    Parameter("simulate.hold_ns", "list of integers", "0 to 10^6", [0, 30, 100],
              "for how long a core keeps a line that others wait for; bands are drawn over all of them", _holds, axis=False),
    Parameter("simulate.seeds", "integer", "1 to 1000", 5, "how many seeds there are, from `seed` on", _integer(1, 1000),
              axis=False),
    Parameter("simulate.window", "duration", "1us to 1s", "20us", "the simulated time of the measurement",
              _duration("1us", "1s"), axis=False),
]
BY_KEY = {parameter.key: parameter for parameter in TABLE}
# The axes of a cell, by the name that a cell, [[skip]] and [compare] use: one arm is an `arm`.
AXES = {"arm" if parameter.key == "arms" else parameter.key: parameter for parameter in TABLE if parameter.axis}


def markdown() -> str:
    """Returns the table of docs/study.md."""
    lines = ["| key | type | range | default | meaning |", "| --- | --- | --- | --- | --- |"]
    for one in TABLE:
        value = str(one.default).lower() if isinstance(one.default, bool) else one.default
        default = "" if value in (None, "") else f"`{value}`"
        lines.append(f"| `{one.key}` | {one.type} | {one.range} | {default} | {one.meaning} |")
    return "\n".join(lines) + "\n"
