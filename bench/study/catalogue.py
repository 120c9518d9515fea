"""A sentence about each arm and each workload that comes with the study, for `list` and for docs/study.md."""

import fnmatch

from parameters import WORKLOADS

# The first pattern that fits a name is its own.
ARMS = {
    "haft/magazine": "`HandleTable` with the default free list: each thread keeps free handles in magazines of 128",
    "haft/magazine-*": "`HandleTable` with magazines of another size",
    "haft/striped": "`HandleTable` with 16 free lists that all threads share",
    "haft/global": "`HandleTable` with one free list",
    "haft/cds": "`HandleTable` with a free list of libcds",
    "haft/objects": "`ObjectTable` with the default reclamation: pins are in hazard cells of the thread",
    "haft/objects-counted": "`ObjectTable` with pins that are counted in the slot",
    "haft/c": "the C interface, with a table of its own",
    "mutex": "`std::unordered_map` behind one mutex",
    "mutex-64": "64 such maps with a mutex each",
    "shared-mutex": "`std::unordered_map` behind one mutex that readers share",
    "ticket-lock": "`std::unordered_map` behind a spin lock whose waiters all look at one word",
    "mcs-lock": "`std::unordered_map` behind a spin lock whose waiters have a word each",
    "slots-mutex": "slots with generations and their free list, all behind one mutex",
    "tbb": "the concurrent hash map of oneTBB",
    "libcds/feldman-*": "the hash set of Feldman and others in libcds, with hazard pointers (`hp`) or dynamic ones (`dhp`)",
    "libcds/michael-*": "Michael's hash set in libcds, with hazard pointers (`hp`) or dynamic ones (`dhp`)",
    "libcuckoo": "the hash map of libcuckoo, whose look-ups take locks",
    "xenium/vyukov-*": "the hash map after Vyukov in xenium, with hazard pointers (`hp`) or epochs",
    "xenium/harris-michael-*": "the hash map after Harris and Michael in xenium, with hazard pointers (`hp`) or epochs",
    "boost/*": "slots whose free list is the stack or the queue of Boost.Lockfree",
    "ck/*": "slots whose free list is the stack or the ring of Concurrency Kit",
    "java/*": "global references of the Java Native Interface",
    "go/*": "tables in Go, which the section *Go* lists",
    "rust/*": "tables in Rust, which the section *Rust* lists",
    "array": "yardstick: an array without any check, whose keys are indices",
    "pointer": "yardstick: a pointer to an allocated value, without any check",
    "cas": "yardstick: each call is a compare-and-swap of the thread's own word",
    "fetch-add": "yardstick: each call is an addition to one word that all threads share",
    "ping-pong": "yardstick: two threads hand a line to and fro",
    "relay": "yardstick: two threads hand 32 lines to and fro, and ask for each one after the last",
    "hits": "yardstick: reads of lines that the core has, for `calibrate`",
    "system-call": "yardstick: a look-up is a system call that does nothing",
    "yield": "yardstick: a look-up offers the CPU to other threads, of which there are none",
    "membarrier": "yardstick: Stats is a barrier for all threads of the process",
    "loop": "yardstick: the harness alone, with calls that do nothing",
    "layout/*": "yardstick: `haft/magazine`, moved by so many bytes, which shows what the place of the code makes",
    "retries/*": "Haft's tables in a build that counts compare-and-swaps, and is never compared",
}


def meaning(arm: str) -> str:
    """Returns the sentence about an arm; empty if it is not one of those that come with the study."""
    return next((ARMS[pattern] for pattern in ARMS if fnmatch.fnmatchcase(arm, pattern)), "")


def markdown(first: str, second: str, sentences: dict[str, str]) -> str:
    """Returns a table of docs/study.md."""
    rows = "".join(f"| `{name}` | {sentence} |\n" for name, sentence in sentences.items())
    return f"| {first} | {second} |\n| --- | --- |\n{rows}"


def arms_markdown() -> str:
    return markdown("arm", "implementation", ARMS)


def workloads_markdown() -> str:
    return markdown("workload", "operations", WORKLOADS)
