"""The machine and the programs of a study: environment.json."""

import hashlib
import importlib
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import time
from typing import Any

import topology
from arms import Arm
from topology import Cpu

VERSION = 1
CPUS = pathlib.Path("/sys/devices/system/cpu")
BUSY = 0.05  # part of the CPUs that others may use before it is a disturbance
FEWEST_REPETITIONS = 9
COARSEST_CLOCK_NS = 100


def _read(path: pathlib.Path | str) -> str | None:
    try:
        return pathlib.Path(path).read_text(errors="replace").strip()
    except OSError:
        return None


def _cpuinfo(key: str) -> str | None:
    match = re.search(rf"^{key}\s*: (.*)$", _read("/proc/cpuinfo") or "", re.MULTILINE)
    return match[1].strip() if match else None


def _setting(name: str, cpus: list[Cpu]) -> str | None:
    """Returns the settings of cpufreq that the CPUs have, normally one; None where there is no cpufreq."""
    found = {_read(CPUS / f"cpu{cpu.number}" / "cpufreq" / name) for cpu in cpus} - {None}
    return ",".join(sorted(found)) or None


def _boost() -> bool | None:
    boost, no_turbo = _read(CPUS / "cpufreq" / "boost"), _read(CPUS / "intel_pstate" / "no_turbo")
    if boost is not None:
        return boost == "1"
    return None if no_turbo is None else no_turbo == "0"


def _caches(cpu: Cpu) -> list[dict[str, Any]]:
    caches = []
    for folder in sorted((CPUS / f"cpu{cpu.number}" / "cache").glob("index*")):
        keys = {"level": "level", "type": "type", "size": "size", "line_bytes": "coherency_line_size",
                "cpus": "shared_cpu_list"}
        caches.append({key: _read(folder / name) for key, name in keys.items()})
    return caches


def _cgroup() -> dict[str, Any]:
    """Returns the limits of this process's cgroup and of those above, where there are any (version 2)."""
    match = re.search(r"^0::(.*)$", _read("/proc/self/cgroup") or "", re.MULTILINE)
    folder = pathlib.Path("/sys/fs/cgroup" + (match[1] if match else ""))
    limits: dict[str, Any] = {"path": match[1] if match else None}
    for name in ("cpu.max", "cpuset.cpus.effective", "memory.max"):
        for one in (folder, *folder.parents):
            text = _read(one / name)
            if text and not text.startswith("max"):
                limits.setdefault(name, text)
    return limits


def _mitigations() -> dict[str, str | None]:
    return {path.name: _read(path) for path in sorted((CPUS / "vulnerabilities").glob("*"))}


def may_pin() -> bool:
    """Returns whether this process may choose its CPU."""
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        os.sched_setaffinity(0, before)
        return True
    except OSError:
        return False


def ticks() -> dict[str, int]:
    """Returns the time that all CPUs have spent, in ticks of the kernel."""
    names = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"]
    fields = (_read("/proc/stat") or "cpu").splitlines()[0].split()[1:]
    return dict(zip(names, map(int, fields)))


def busy_part(seconds: float = 0.3) -> float:
    """Returns the part of the CPUs that other programs use now."""
    before = ticks()
    time.sleep(seconds)
    passed = {name: value - before[name] for name, value in ticks().items()}
    total = sum(passed.values())
    return 1 - (passed["idle"] + passed["iowait"]) / total if total else 0.0


def frequencies_khz(cpus: list[int]) -> dict[str, int] | None:
    """Returns the frequency of each CPU now, or None where the kernel does not tell it."""
    found = {str(cpu): _read(CPUS / f"cpu{cpu}" / "cpufreq" / "scaling_cur_freq") for cpu in cpus}
    return {cpu: int(text) for cpu, text in found.items() if text} or None


def energy_uj() -> tuple[int | None, str | None]:
    """Returns the energy of all packages so far, or why it cannot be read. The counters wrap around after hours."""
    counters = sorted(pathlib.Path("/sys/class/powercap").glob("intel-rapl:[0-9]*/energy_uj"))
    counters = [path for path in counters if path.parent.name.count(":") == 1]
    if not counters:
        return None, "this machine shows no RAPL counters"
    try:
        return sum(int(path.read_text()) for path in counters), None
    except OSError as error:
        return None, f"{counters[0]}: {error.strerror}"


def machine(cpus: list[Cpu]) -> dict[str, Any]:
    """Returns the facts of this machine that last as long as a study should."""
    smt = _read(CPUS / "smt" / "active")
    return {
        "cpu": _cpuinfo("model name") or platform.machine(), "architecture": platform.machine(),
        "microcode": _cpuinfo("microcode"), "cpus": [cpu.number for cpu in cpus], "cores": len({cpu.core for cpu in cpus}),
        "nodes": len({cpu.node for cpu in cpus}), "packages": len({cpu.package for cpu in cpus}),
        "smt": None if smt is None else smt == "1", "caches": _caches(cpus[0]), "governor": _setting("scaling_governor", cpus),
        "driver": _setting("scaling_driver", cpus), "boost": _boost(), "mitigations": _mitigations(),
        "kernel": f"{platform.system()} {platform.release()} {platform.version()}", "page_bytes": os.sysconf("SC_PAGE_SIZE"),
        "huge_pages": _read("/sys/kernel/mm/transparent_hugepage/enabled"),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "hypervisor": _hypervisor(),
        "cgroup": _cgroup(), "pinning": may_pin(), "libc": " ".join(platform.libc_ver()),
    }


def _hypervisor() -> str | None:
    if " hypervisor" not in (_cpuinfo("flags") or ""):
        return None
    return _read("/sys/class/dmi/id/sys_vendor") or "unknown"


def line(facts: dict[str, Any]) -> str:
    """Returns the machine in a line."""
    threads = f"{len(facts['cpus'])} CPUs on {facts['cores']} cores" if len(facts["cpus"]) != facts["cores"] else \
        f"{facts['cores']} core{'s' * (facts['cores'] != 1)}"
    nodes = f", {facts['nodes']} nodes" if facts["nodes"] > 1 else ""
    virtual = ", virtual machine" if facts["hypervisor"] else ""
    return f"{facts['cpu']}, {threads}{nodes}{virtual}, {facts['kernel'].split(' #')[0]}"


def commit(folder: pathlib.Path) -> dict[str, Any]:
    """Returns the commit that is checked out, and whether files differ from it."""
    def git(*arguments):
        result = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=60)
        return result.stdout.strip() if result.returncode == 0 else None
    try:
        status = git("status", "--porcelain", "--untracked-files=no")
        return {"commit": git("rev-parse", "HEAD"), "dirty": None if status is None else bool(status)}
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}


def checkout() -> pathlib.Path:
    """Returns the workspace that Bazel was called in, or the folder of this program."""
    return pathlib.Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY") or pathlib.Path(__file__).resolve().parent)


def invocation() -> list[str]:
    """Returns the command that runs this study, as it is given in the workspace that Bazel was called in."""
    bazel = "./bazelw" if (checkout() / "bazelw").is_file() else "bazel"
    return [bazel, "run", "-c", "opt", os.environ.get("HAFT_STUDY_TARGET", "//bench:study"), "--"]


def arm_facts(arms: dict[str, Arm]) -> dict[str, Any]:
    """Returns what the arms say of themselves, with the digest of each one's program."""
    digests: dict[str, str | None] = {}
    for arm in arms.values():
        program = shutil.which(arm.command[0])
        if arm.command[0] not in digests:
            digests[arm.command[0]] = hashlib.sha256(pathlib.Path(program).read_bytes()).hexdigest() if program else None
    return {name: {**arm.facts, "command": arm.command, "sha256": digests[arm.command[0]]} for name, arm in arms.items()}


def collect(topology_xml: str, arms: dict[str, Arm], repetitions: int | None) -> dict[str, Any]:
    """Returns environment.json. `repetitions` is None where none are asked for."""
    facts = machine(topology.here(topology_xml))
    described = arm_facts(arms)
    busy = busy_part()
    versions = {name: getattr(importlib.import_module(name), "__version__")
                for name in ("numpy", "scipy", "pandas", "matplotlib")}
    return {
        "version": VERSION, "invocation": invocation(), "command": sys.argv[1:], "folder": os.getcwd(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": facts, "line": line(facts), "arms": described,
        "source": commit(checkout()),
        "libraries": {"python": platform.python_version(), "hwloc": _hwloc_version(topology_xml), **versions},
        "load": list(os.getloadavg()), "busy": round(busy, 3), "warnings": warnings(facts, described, busy, repetitions),
    }


def _hwloc_version(xml: str) -> str | None:
    match = re.search(r'name="hwlocVersion" value="([^"]*)"', xml)
    return match[1] if match else None


def warnings(facts: dict[str, Any], arms: dict[str, Any], busy: float, repetitions: int | None) -> list[str]:
    """Returns a sentence for each circumstance that makes the figures less trustworthy."""
    found = []

    def names(test):
        chosen = [name for name, arm in arms.items() if test(arm)]
        return f"{', '.join(chosen[:3])}{f' and {len(chosen) - 3} more' if len(chosen) > 3 else ''}" if chosen else None

    for sentence, test in (("not compiled with optimisation (-c opt)", lambda arm: arm.get("optimized") is False),
                           ("compiled with assertions (a debug build)", lambda arm: arm.get("assertions") is True),
                           ("compiled with a sanitizer", lambda arm: arm.get("sanitizer"))):
        if names(test):
            found.append(f"Arms are {sentence}: {names(test)}.")
    if busy > BUSY:
        found.append(f"The machine is busy: other programs use {busy:.0%} of its CPUs.")
    if facts["governor"] not in (None, "performance"):
        found.append(f"The governor of the frequency is {facts['governor']}, not performance.")
    if facts["boost"]:
        found.append("Boost is on: the frequency depends on the temperature and on what other cores do.")
    if not facts["pinning"]:
        found.append("Threads may not be pinned here.")
    if facts["hypervisor"]:
        found.append("This is a virtual machine: its host can take the CPUs away, and its topology may not be the real one.")
    if "cpu.max" in facts["cgroup"]:
        found.append(f"A cgroup limits the time of the CPUs to {facts['cgroup']['cpu.max']} (quota and period in us).")
    if repetitions is not None and repetitions < FEWEST_REPETITIONS:
        found.append(f"There are {repetitions} repetitions, fewer than {FEWEST_REPETITIONS}.")
    return found


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Returns what of machine and arms is not as it was, one sentence each."""
    found = []
    for part in ("machine", "arms"):
        for key in sorted({*before[part], *now[part]}):
            old, new = before[part].get(key), now[part].get(key)
            if old == new:
                continue
            if isinstance(old, dict) and isinstance(new, dict):
                changed = [one for one in sorted({*old, *new}) if old.get(one) != new.get(one)]
                found += [f"{part}: {key}: {one} was {old.get(one)!r} and is {new.get(one)!r}" for one in changed]
            else:
                found.append(f"{part}: {key} was {_short(old)} and is {_short(new)}")
    return found


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."
