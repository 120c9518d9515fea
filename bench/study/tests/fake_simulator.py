#!/usr/bin/env python3
"""A simulator for tests: it speaks as //bench/simulator does, and computes its rows from the request by a formula."""

import json
import sys

ARMS = {"fast": 50.0, "slow": 20.0}
WORKLOADS = ["churn", "find-hot", "hand-off-near"]


def rows(request):
    for arm in request["arms"]:
        for workload in request["workloads"]:
            for cores in request["cores"]:
                machine = request["machine"]["name"] + (f"@{cores}" if cores > 96 else "")
                head = {"machine": machine, "arm": arm, "workload": workload, "cores": cores}
                if workload == "hand-off-near" and cores % 2:
                    yield {**head, "cannot": "an even number of cores"}
                    continue
                for hold in request["hold_ns"]:
                    for seed in request["seed"]:
                        throughput = ARMS[arm] * cores / (1 + 0.01 * (cores - 1)) * (1 + hold / 1000) * (1 + seed % 5 / 100)
                        counts = {name: 1.5 for name in ("accesses", "transfers", "far_transfers", "invalidations",
                                                         "failed_cas")}
                        yield {**head, "hold_ns": hold, "seed": seed, "parameters": request.get("parameters", {}),
                               "window_ns": 20000.0,
                               "counted_cores": cores, "operations": 1000.0, "throughput_per_us": throughput,
                               "ns_per_operation": 1000 * cores / throughput, "latency_ns": None,
                               "jain": 0.95 if cores < 64 else 0.8, "settled": cores < 64, "counts": counts,
                               "per_operation": counts, "lines": [{"name": "StripedStack::heads_[3]",
                                                                   "stall_ns_per_operation": 12.5, "share": 0.7}]}


def main():
    if sys.argv[1:] == ["--list"]:
        print(json.dumps({"arms": [{"name": name, "abilities": []} for name in ARMS],
                          "workloads": [{"name": name} for name in WORKLOADS]}))
        return
    request = json.load(sys.stdin)
    if request["machine"]["sockets"] > 8:
        print("simulator: the key 'machine.sockets' is not from 1 to 8.", file=sys.stderr)
        sys.exit(2)
    for row in rows(request):
        print(json.dumps(row))


if __name__ == "__main__":
    main()
