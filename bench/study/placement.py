"""The CPU of each thread."""

from dataclasses import dataclass

import parameters
from topology import Cpu


@dataclass(frozen=True)
class Placed:
    cpus: list[list[int]] | None  # for each thread the CPUs that it may use; None: not pinned
    shares_core: bool  # two threads run on SMT siblings
    nodes: int  # nodes in use
    oversubscribed: bool  # more threads than CPUs


def order(kind: str, cpus: list[Cpu]) -> list[Cpu]:
    """Returns the CPUs in the order in which threads take them; the machine lacks one that `kind` needs: ValueError."""
    if kind.startswith("cpus:"):
        known = {cpu.number: cpu for cpu in cpus}
        wanted = parameters.cpu_list(kind[len("cpus:"):])
        absent = [str(number) for number in wanted if number not in known]
        if absent:
            raise ValueError(f'has "{kind}", which needs CPU {", ".join(absent)}, and there are CPUs {numbers(cpus)}')
        return [known[number] for number in wanted]
    if kind.startswith("node:"):
        node = int(kind[len("node:"):])
        chosen = [cpu for cpu in cpus if cpu.node == node]
        if not chosen:
            there = ", ".join(str(one) for one in sorted({cpu.node for cpu in cpus}))
            raise ValueError(f'has "{kind}", which needs node {node}, and there is node {there}')
        return sorted(chosen, key=lambda cpu: cpu.sibling)
    if kind == "cores":
        return [cpu for cpu in by_node(cpus) if cpu.sibling == 0]
    if kind == "siblings":
        if all(cpu.sibling == 0 for cpu in cpus):
            raise ValueError('has "siblings", which needs SMT siblings, and each core has one CPU only')
        return sorted(by_node(cpus), key=lambda cpu: (cpu.node, cpu.core, cpu.sibling))
    if kind == "scatter":
        ranks: dict[tuple[int, int], int] = {}
        rank = {}
        for cpu in cpus:
            ranks[cpu.node, cpu.sibling] = ranks.get((cpu.node, cpu.sibling), -1) + 1
            rank[cpu.number] = ranks[cpu.node, cpu.sibling]
        return sorted(cpus, key=lambda cpu: (cpu.sibling, rank[cpu.number], cpu.node))
    return by_node(cpus)  # compact, none


def by_node(cpus: list[Cpu]) -> list[Cpu]:
    return sorted(cpus, key=lambda cpu: (cpu.node, cpu.sibling))  # stable: hwloc's order within these


def numbers(cpus: list[Cpu]) -> str:
    return ",".join(str(number) for number in sorted(cpu.number for cpu in cpus))


def place(kind: str, threads: int, cpus: list[Cpu]) -> Placed:
    """Returns where `threads` threads run. If there are more than CPUs to be had, the order begins again."""
    line = order(kind, cpus)
    used = [line[thread % len(line)] for thread in range(threads)]
    distinct = set(used)
    return Placed(None if kind == "none" else [[cpu.number] for cpu in used],
                  shares_core=len({cpu.core for cpu in distinct}) < len(distinct), nodes=len({cpu.node for cpu in distinct}),
                  oversubscribed=threads > len(distinct))
