#!/usr/bin/env python3
"""A worker for tests: it answers with plausible figures that it draws by the seed, and misbehaves as its arms are called.

It imports nothing that a study needs, and measures nothing.
"""

import json
import math
import os
import random
import sys
import time

# Operations per second of one thread, and the two coefficients of the Universal Scalability Law.
TABLES = {"fast": (50e6, 0.02, 0.0005), "slow": (20e6, 0.3, 0.01), "twin": (50e6, 0.02, 0.0005), "cas": (100e6, 0.0, 0.0),
          "ping-pong": (12e6, 0.0, 0.0), "loop": (2e9, 0.0, 0.0), "array": (1e9, 0.0, 0.0), "fetch-add": (200e6, 0.0, 0.0),
          "hits": (200e6, 0.0, 0.0), "pointer": (60e6, 0.0, 0.0), "yield": (2e6, 0.0, 0.0), "relay": (4e5, 0.0, 0.0),
          "membarrier": (2e6, 0.0, 0.0), "system-call": (5e6, 0.0, 0.0),
          "near": (55e6, 0.02, 0.0005), "layout/0": (50e6, 0.02, 0.0005), "layout/48": (57.5e6, 0.02, 0.0005)}
TROUBLE = ["crash", "killed", "hang", "deaf", "lingers", "rubbish", "half", "flood", "false", "refuses", "short", "old", "text"]
KINDS = {"churn": ["new", "delete"], "find": ["find"], "pin": ["pin", "unpin"], "hand-off": ["new", "delete"], "full": ["new"],
         "stats": ["stats"]}
NOISE = 0.01
SAMPLES = 200  # of each kind of operation


def describe():
    def arm(name):
        return {"name": name, "version": "1.0", "progress": None, "workloads": {**dict.fromkeys(KINDS), "batch": "NewBatch"},
                "value_words": [1, 2], "max_threads": 64, "max_capacity": 10**6, "compiler": "none", "flags": "",
                "optimized": True, "assertions": False, "sanitizer": None, "libraries": {}}
    return {"protocol": 1, "arms": [arm(name) for name in [*TABLES, *TROUBLE]]}


def latency(draw, request):
    """Returns log-linear buckets of 1/64, as a worker makes them, of a lognormal distribution, for one thread."""
    histograms = []
    for operation in KINDS[request["workload"]]:
        counts = {}
        for _ in range(SAMPLES):
            ns = round(draw.lognormvariate(4, 0.5))
            width = 1 << max(0, ns.bit_length() - 7)
            counts[ns // width * width, width] = counts.get((ns // width * width, width), 0) + 1
        buckets = [[low, low + width, count] for (low, width), count in sorted(counts.items())]
        histograms.append({"thread": 0, "operation": operation, "sampled": SAMPLES, "max_ns": buckets[-1][1] - 1,
                           "buckets": buckets})
    return histograms


def answer(request):
    base, sigma, kappa = TABLES[request["arm"]]
    if request["arm"] == "fetch-add" and request["threads"] > 1:
        base /= 8  # contended
    draw = random.Random(f"{request['seed']}/{request['arm']}")
    count = request["threads"]
    total = base * count / (1 + sigma * (count - 1) + kappa * count * (count - 1)) * math.exp(draw.gauss(0, NOISE))
    threads = []
    for number in range(count):
        ns = request["measure_ns"] + draw.randrange(1000)
        done = round(total / count * ns / 1e9 / len(KINDS[request["workload"]]))
        full = request["workload"] == "full"
        operations = {kind: {"done": 0 if full else done, "failed": done if full else 0} for kind in KINDS[request["workload"]]}
        threads.append({"ns": ns, "cpus": [number], "moves": 0, "moves_are_exact": True, "operations": operations})
    all_done = sum(one["done"] for thread in threads for one in thread["operations"].values())
    return {"protocol": 1, "status": "ok", "message": None, "missing": None,
            "clock": {"name": "none", "cost_ns": 20.0, "granularity_ns": 1}, "think_ns": 0, "threads": threads,
            "memory": {"resident_bytes": 4 << 20, "peak_bytes": 5 << 20}, "faults": {"minor": 3, "major": 0},
            "switches": {"voluntary": 0, "involuntary": draw.randrange(4)}, "migrations": 0,
            "counters": {name: 3 * all_done if name == "instructions" else None for name in request["counters"]},
            "counters_error": "no counters here" if request["counters"] else None,
            "allocator": os.environ.get("LD_PRELOAD", "libc.so.6"), "huge_pages": False,
            "latency": latency(draw, request) if request["latency"] else []}


def main():
    if sys.argv[1:] == ["--version"]:
        print("fake 1.2.3")
        return
    request = {} if sys.argv[1:] == ["deaf"] else json.load(sys.stdin)
    arm = request.get("arm")
    if request.get("mode") == "describe":
        print(json.dumps(describe()))
    elif arm == "crash":
        print("an assertion has failed", file=sys.stderr)
        sys.exit(7)
    elif arm == "killed":
        os.kill(os.getpid(), 11)
    elif arm == "hang":
        os.fork()  # a child that holds the pipes must end too
        time.sleep(3600)
    elif arm == "lingers":
        print(json.dumps(answer({**request, "arm": "fast"})), flush=True)
        os.close(1)
        os.close(2)
        time.sleep(3600)
    elif arm == "rubbish":
        print("Segmentation fault (core dumped)")
    elif arm == "half":
        print('{"protocol": 1, "status": "ok", "thr')
    elif arm == "flood":
        while True:
            sys.stdout.write("x" * 65536)
    elif arm == "false":
        print(json.dumps({"protocol": 1, "status": "wrong", "message": "find: a live handle was not found"}))
    elif arm == "refuses":
        print(json.dumps({"protocol": 1, "status": "refused", "message": "live: too many"}))
    elif arm == "short":
        print(json.dumps({**answer({**request, "arm": "fast"}), "threads": []}))
    elif arm == "old":
        print(json.dumps({**answer({**request, "arm": "fast"}), "protocol": 0}))
    elif arm == "text":
        print(json.dumps("ok"))
    else:
        print(json.dumps(answer(request)))


if __name__ == "__main__":
    main()
