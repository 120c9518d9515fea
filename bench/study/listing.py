"""The subcommand list."""

import tomllib

import arms
import catalogue
import parameters
import run
import simulate
import text


def list(arguments) -> int:
    """Prints one list, or all of them under their names."""
    if arguments.what is not None:
        print(_LISTS[arguments.what]())
    else:
        print("\n\n".join(f"{name}:\n{_LISTS[name]()}" for name in _LISTS))
    return 0


def _arms() -> str:
    found, unavailable = arms.find(arms.read_manifest())
    rows = [[name, catalogue.meaning(name), arm.facts.get("version") or "", arm.facts.get("progress") or "",
             arm.sizes(), ", ".join(f"{workload} (no {lacks})" for workload, lacks in arm.facts["workloads"].items() if lacks) or "none"]
            for name, arm in sorted(found.items())]
    rows += [[name, catalogue.meaning(name), "not to be had", reason, "", ""] for name, reason in sorted(unavailable.items())]
    return text.table(["arm", "implementation", "version", "progress", "words of a value", "workloads that it cannot do"], rows)


def _workloads() -> str:
    return text.table(["workload", "operations"], [[name, meaning] for name, meaning in parameters.WORKLOADS.items()])


def _machines() -> str:
    rows = []
    for name, machine in simulate.machines().items():
        cores = [machine[key] for key in ("sockets", "clusters_per_socket", "cores_per_cluster")]
        distances = [f"{machine[f'transfer_{distance}_ns']:g}" for distance in ("cluster", "socket", "far")]
        rows.append([name, " x ".join(map(str, cores)), ", ".join(distances), machine["source"]])
    head = ["machine", "sockets x clusters x cores", "transfer in cluster, socket, to another (ns)", "source"]
    return text.table(head, rows)


def _experiments() -> str:
    rows = []
    for name, path in run.experiments(arms.read_manifest()).items():
        rows.append([name, tomllib.loads(path.read_text()).get("title", ""), str(path)])
    return text.table(["experiment", "title", "file"], rows)


_LISTS = {"arms": _arms, "workloads": _workloads, "parameters": lambda: parameters.markdown().rstrip("\n"),
          "machines": _machines, "experiments": _experiments}
