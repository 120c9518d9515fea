"""The subcommand describe."""

import environment
import folder
import topology


def describe(_) -> int:
    """Prints the machine as environment.json has it, and the warnings. No arm is started."""
    facts = environment.collect(topology.record(), {}, None)
    print(folder.to_json({key: facts[key] for key in ("line", "machine", "libraries", "source", "load", "busy", "warnings")}),
          end="")
    return 0
