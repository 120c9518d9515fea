"""How the simulator is compiled."""

# Results are the same with all compilers and modes. So the checks of debug builds, which are accesses too, are off, and sums are not
# contracted with products.
COPTS = [
    "-Wall",
    "-Wextra",
    "-Werror",
    "-DNDEBUG",
    "-DHAFT_SYNC_BACKEND=\\\"bench/simulator/simulator_sync.h\\\"",
    "-ffp-contract=off",
    # In all modes: an unoptimised simulator is ten times slower and no more exact.
    "-O2",
]

# A machine of its own, like the models': sanitizers would change what is simulated, and the switch of coroutines is for 64 bits.
TAGS = ["model"]
