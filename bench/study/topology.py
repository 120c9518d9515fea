"""The CPUs that this process may use, with their cores, nodes and packages, from the XML of hwloc."""

import os
import subprocess
import xml.etree.ElementTree
from dataclasses import dataclass

from complaint import Complaint

PROGRAM = "lstopo-no-graphics"


@dataclass(frozen=True)
class Cpu:
    number: int  # the kernel's
    core: int
    sibling: int  # 0: the first CPU of its core
    node: int
    package: int


def record() -> str:
    """Returns hwloc's XML of this machine, less the CPUs that a cgroup or the affinity of this process excludes."""
    try:
        result = subprocess.run([PROGRAM, "--of", "xml", "--no-io"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise Complaint(f"{PROGRAM} (Debian package hwloc-nox) cannot tell the topology: {error}")
    return result.stdout


def cpus_of_set(text: str) -> set[int]:
    """Returns the members of one of hwloc's bitmaps, 32 bits a word, the highest first, such as 0x1,0x00000003."""
    bits = 0
    for word in text.split(","):
        bits = bits << 32 | (int(word, 16) if word else 0)
    return {number for number in range(bits.bit_length()) if bits >> number & 1}


def parse(text: str, allowed: set[int] | None = None) -> list[Cpu]:
    """Returns the CPUs in the order in which hwloc has them. `allowed` excludes all others; None excludes none."""
    root = xml.etree.ElementTree.fromstring(text)
    machine = root.find("object")
    # A node is not above its cores in the tree but beside them, so its set of CPUs says which are its own.
    nodes = {}
    for one in root.iter("object"):
        if one.get("type") == "NUMANode":
            nodes.update(dict.fromkeys(cpus_of_set(one.get("cpuset")), int(one.get("os_index"))))
    usable = cpus_of_set(machine.get("allowed_cpuset") or machine.get("cpuset"))
    cpus, core = [], -1

    def walk(one, package, in_core):
        nonlocal core
        if one.get("type") == "Package":
            package += 1
        elif one.get("type") == "Core":
            core, in_core = core + 1, True
        elif one.get("type") == "PU":
            number = int(one.get("os_index"))
            if not in_core:  # hwloc shows no cores where the kernel does not
                core += 1
            if number in usable and (allowed is None or number in allowed):
                cpus.append(Cpu(number, core, sum(other.core == core for other in cpus), nodes.get(number, 0), package))
        for child in one.findall("object"):
            package = walk(child, package, in_core)
        return package

    walk(machine, -1, False)
    return cpus


def here(text: str) -> list[Cpu]:
    """Returns the CPUs of the recorded topology that this process may use."""
    return parse(text, os.sched_getaffinity(0))
