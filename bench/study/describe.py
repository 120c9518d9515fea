"""The subcommand describe."""

import arms
import environment
import folder
import machine_costs
import topology

SEED = 1  # of the pairs of CPUs


def describe(_) -> int:
    """Prints the machine as environment.json has it, and the warnings. No arms but the yardsticks are started."""
    xml = topology.record()
    facts = environment.collect(xml, {}, None)
    kept = {key: facts[key] for key in ("line", "machine", "libraries", "source", "load", "busy", "warnings")}
    found, _ = arms.find(arms.read_manifest())
    print(folder.to_json({**kept, **machine_costs.record(found, topology.here(xml), SEED)}), end="")
    return 0
