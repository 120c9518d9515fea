"""An experiment: the TOML file, the axes and their product."""

import itertools
import pathlib
import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

import parameters
from complaint import Complaint, suggestion
from parameters import AXES, BY_KEY

VERSION = 1
SECTIONS = ["time", "plot", "compare", "simulate"]


@dataclass
class Experiment:
    source: str  # for messages
    values: dict[str, Any]  # each key of parameters.TABLE; a list for an axis
    skip: list[dict[str, list]] = field(default_factory=list)
    arms: list[dict[str, Any]] = field(default_factory=list)  # those of [[arm]]: name, command, version_command

    @property
    def title(self) -> str:
        return self.values["title"]


def _refuse(source: str, key: str, sentence: str):
    raise Complaint(f'{source}: key "{key}" {sentence}')


def parse_setting(text: str) -> tuple[str, Any]:
    """Returns key and value of --set KEY=VALUE. The value is TOML's, or a text if it is no TOML."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise Complaint(f"--set {text}: must be KEY=VALUE")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def load(path: pathlib.Path, settings: list[str] = ()) -> Experiment:
    """Returns the experiment of a file, with every default and with the changes of --set."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Complaint(f"{path}: {error.strerror}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Complaint(f"{path}: is not TOML: {error}")
    for text in settings:
        key, value = parse_setting(text)
        section, dot, name = key.rpartition(".")
        if dot and section not in SECTIONS or not dot and key in SECTIONS:
            _refuse(f"--set {text}", key, f"is unknown{suggestion(key, BY_KEY)}")
        (data.setdefault(section, {}) if dot else data)[name] = value
    return resolve(data, str(path))


def resolve(data: dict, source: str) -> Experiment:
    """Returns the experiment of a parsed file. The first key that is wrong is a Complaint."""
    data = dict(data)
    version = data.pop("version", VERSION)
    if version != VERSION:
        _refuse(source, "version", f"is {version}, and this program reads version {VERSION}")
    skips, arms = data.pop("skip", []), data.pop("arm", [])
    flat = {}
    for key, value in data.items():
        if key in SECTIONS:
            if not isinstance(value, dict):
                _refuse(source, key, "must be a table")
            flat.update({f"{key}.{name}": one for name, one in value.items()})
        else:
            flat[key] = value
    for key in flat:
        if key not in BY_KEY:
            _refuse(source, key, f"is unknown{suggestion(key, [*BY_KEY, 'skip', 'arm'])}")
    values = {one.key: _checked(one, flat[one.key] if one.key in flat else one.default, source) for one in parameters.TABLE}
    for key in ("plot.x", "compare.axis"):
        if values[key] not in AXES:
            _refuse(source, key, f'names no axis with "{values[key]}"{suggestion(values[key], AXES)}')
    return Experiment(source, values, [_skip(one, source) for one in _tables(skips, "skip", source)],
                      [_arm(one, source) for one in _tables(arms, "arm", source)])


def _checked(parameter: parameters.Parameter, value: Any, source: str) -> Any:
    if value is None:
        _refuse(source, parameter.key, f"is missing; it is {parameter.meaning}")
    values = value if parameter.axis and isinstance(value, list) else [value]
    if not values:
        _refuse(source, parameter.key, "has an empty list")
    try:
        checked = [parameter.check(one) for one in values]
    except ValueError as error:
        _refuse(source, parameter.key, str(error))
    return list(dict.fromkeys(checked)) if parameter.axis else checked[0]


def _tables(value: Any, key: str, source: str) -> list[dict]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        _refuse(source, key, f"must be a table [[{key}]]")
    return value


def _skip(table: dict, source: str) -> dict[str, list]:
    if not table:
        _refuse(source, "skip", "has a table without a key, which would skip everything")
    result = {}
    for key, value in table.items():
        if key not in AXES:
            _refuse(source, f"skip.{key}", f"is no axis{suggestion(key, AXES)}")
        result[key] = _checked(AXES[key], value, f"{source}: [[skip]]")
    return result


def _arm(table: dict, source: str) -> dict[str, Any]:
    known = ["name", "command", "version_command"]
    for key, value in table.items():
        if key not in known:
            _refuse(source, f"arm.{key}", f"is unknown{suggestion(key, known)}")
        words = [value] if isinstance(value, str) and key == "name" else value
        if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
            _refuse(source, f"arm.{key}", "must be a text" if key == "name"
                    else 'must be a list of words, such as ["java", "Arm"]')
    for key in known[:2]:
        if key not in table:
            _refuse(source, f"arm.{key}", "is missing")
    return table


def thread_counts(value: int | str, cpus: int) -> list[int]:
    """Returns the numbers of a range such as "1,2,4..all,x2", in ascending order; cannot be read: ValueError."""
    if isinstance(value, int):
        return [value]
    counts: list[int] = []
    for part in value.replace(" ", "").split(","):
        first, dots, last = part.partition("..")
        start = _count(first, cpus)
        if dots:
            counts = _with_progression(counts, start, _count(last, cpus))
        else:
            counts.append(start)
    return sorted(set(counts))


def _count(word: str, cpus: int) -> int:
    match = re.fullmatch(r"(x?)(\d+)", word)
    if word == "all":
        return cpus
    if match is None or int(match[2]) == 0:
        raise ValueError(f'has "{word}", which is neither a number, nor "all", nor "xN"')
    return int(match[2]) * (cpus if match[1] else 1)


def _with_progression(counts: list[int], start: int, end: int) -> list[int]:
    """Returns the counts and start, ..., end.

    It is a geometric progression if the last two and start are one, else an arithmetic one. The end is included, and what is
    above it is not, also if it is one of the counts that the progression begins with.
    """
    lead = counts[-2:]
    ratio = lead[1] // lead[0] if len(lead) == 2 else 1
    geometric = ratio > 1 and [lead[0] * ratio, lead[1] * ratio] == [lead[1], start]
    if not geometric:
        lead = [one for one in counts[-1:] if one < start]
    step = start - lead[0] if lead else 1
    numbers = [end]
    while start < end:
        numbers.append(start)
        start = start * ratio if geometric else start + step
    return counts[:len(counts) - len(lead)] + [one for one in lead if one <= end] + numbers


def cells(experiment: Experiment, cpus: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Returns the product of all axes less what [[skip]] excludes, and a sentence for each kind of cell that cannot exist.

    The cells are in the order of the file. There are none: Complaint.
    """
    threads = _all_counts(experiment.values["threads"], cpus, experiment.source)
    found = product(experiment, {"threads": threads}, cpus)
    possible = [cell for cell in found if impossible(cell) is None]
    left_out = list(dict.fromkeys(sentence for cell in found if (sentence := impossible(cell)) is not None))
    if not possible:
        raise Complaint(f"{experiment.source}: leaves no runs: {'; '.join(left_out) or '[[skip]] excludes all'}")
    return possible, left_out


def product(experiment: Experiment, replaced: dict[str, list], cpus: int = 1) -> list[dict[str, Any]]:
    """Returns the product of all axes, of which some are replaced, less what [[skip]] excludes."""
    axes = {name: replaced.get(name, experiment.values[parameter.key]) for name, parameter in AXES.items()
            if name != "revision" or experiment.values["revision"] != [""]}
    skips = [{name: set(_all_counts(values, cpus, experiment.source) if name == "threads" else values)
              for name, values in one.items()} for one in experiment.skip]
    combinations = (dict(zip(axes, combination)) for combination in itertools.product(*axes.values()))
    return [cell for cell in combinations if not any(all(cell[name] in values for name, values in one.items())
                                                     for one in skips)]


def impossible(cell: dict[str, Any]) -> str | None:
    """Returns a sentence if the workload cannot have so many threads, or None."""
    workload, threads = cell["workload"], cell["threads"]
    if workload == "hand-off" and threads % 2:
        return f"hand-off has pairs of threads, so not {threads}"
    if workload == "producers-consumers" and threads <= cell["producers"]:
        return f"producers-consumers with {cell['producers']} producers needs more than {threads} threads"
    if workload == "stats" and threads < 2:
        return "stats needs a thread beside the one that asks"
    return None


def _all_counts(values: list, cpus: int, source: str) -> list[int]:
    try:
        return sorted({count for value in values for count in thread_counts(value, cpus)})
    except ValueError as error:
        _refuse(source, "threads", str(error))


def to_toml(experiment: Experiment) -> str:
    """Returns the file that resolves to this experiment, with every default."""
    lines, section = [f"version = {VERSION}"], ""
    for parameter in parameters.TABLE:
        prefix, _, name = parameter.key.rpartition(".")
        if prefix != section:
            section = prefix
            lines += ["", f"[{section}]"]
        lines.append(f"{name} = {_toml(experiment.values[parameter.key])}")
    for key, tables in (("skip", experiment.skip), ("arm", experiment.arms)):
        for table in tables:
            lines += ["", f"[[{key}]]", *(f"{name} = {_toml(value)}" for name, value in table.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(_toml(one) for one in value)}]"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04X}" for c in escaped) + '"'
