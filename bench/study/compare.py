"""The subcommand compare: two studies cell by cell, or two arms of one study."""

import pathlib
import sys

import numpy
import pandas

import analysis
import comparison
import environment
import layout
import tables
import text
from complaint import OK, WRONG, Complaint, suggestion
from folder import Folder

WORDS = {comparison.FASTER: "better", comparison.SLOWER: "worse", comparison.NO_DIFFERENCE: "no difference shown",
         comparison.TOO_NOISY: "too noisy to say", comparison.MAY_BE_LAYOUT: comparison.MAY_BE_LAYOUT,
         **{verdict: verdict.replace(plain, word) for verdict, plain, word in (
             (comparison.FASTER_WITHIN, comparison.FASTER, "better"), (comparison.SLOWER_WITHIN, comparison.SLOWER, "worse"))}}
# The verdicts that two arms cannot have, and those that two programs of one arm cannot have.
OF_PROGRAMS, OF_ARMS = (comparison.FASTER_WITHIN, comparison.SLOWER_WITHIN), (comparison.MAY_BE_LAYOUT,)
# What the column `floor` has for each place where it can have been measured.
FLOORS = {layout.OWN: "{:.3f}", layout.OTHER: "{:.3f}*", layout.FIRST_STUDY: "{:.3f}?", layout.NOWHERE: "?",
          layout.SAME_PROGRAM: "same"}


def compare(arguments) -> int:
    """Prints a row for each cell that both sides have. With --fail-above=PERCENT the status is 1 if one is slower by more."""
    folders = [Folder(pathlib.Path(name)) for name in arguments.folders]
    studies = [analysis.analyse(folder) for folder in folders]
    for folder, study in zip(folders, studies):
        if study.simulated:
            raise Complaint(f"{folder.path}: is simulated, and a simulation is not compared with measurements")
    if (arguments.arm is None) != (arguments.baseline is None):
        raise Complaint("--arm and --with: name the two arms of one study, so both are needed")
    if arguments.arm is not None:
        pairs = _arms(folders, studies, arguments.arm, arguments.baseline)
        floors: layout.Floors | layout.FloorsOfOneArm = layout.Floors(_good(studies[0]), analysis.THROUGHPUT)
    else:
        pairs, floors = _folders(folders, studies)
    values = studies[0].experiment.values
    effect = values["compare.smallest_effect"] / 100
    found = comparison.compare(pairs, effect, values["seed"], floors=floors)
    print(table(found))
    return status(found, arguments.fail_above)


def _arms(folders: list[Folder], studies: list[analysis.Analysis], arm: str, baseline: str):
    if len(folders) != 1:
        raise Complaint(f"--arm and --with: compare two arms of one folder, and there are {len(folders)}")
    there = list(dict.fromkeys(studies[0].runs["arm"]))
    for option, name in (("--arm", arm), ("--with", baseline)):
        if name not in there:
            raise Complaint(f"{option}={name}: {folders[0].path} has no such arm{suggestion(name, there)}")
    runs = _good(studies[0])
    return comparison.pairs_of(runs[runs["arm"].isin([arm, baseline])], "arm", baseline, analysis.THROUGHPUT,
                               with_yardsticks=True)


def _folders(folders: list[Folder], studies: list[analysis.Analysis]):
    if len(folders) != 2:
        raise Complaint(f"DIR: give two folders, or one with --arm and --with; there {'is' if len(folders) == 1 else 'are'} {len(folders)}")
    for sentence in environment.differences(studies[0].environment, studies[1].environment):
        print(f"study compare: the studies differ: {sentence}", file=sys.stderr)
    both = pandas.concat([_good(study).assign(study=name) for name, study in zip("AB", studies)])
    axes = [name for name in tables.cell_columns(both) if both[name].notna().all()]
    pairs = []
    for cell, rows in tables.groups(both, axes):
        values = {name: part[analysis.THROUGHPUT].to_numpy(dtype=float) for name, part in rows.groupby("study")}
        if len(values) == 2:
            pairs.append(({**dict(zip(axes, cell)), "axis": "study", "compared": "B", "baseline": "A"}, values["B"], values["A"]))
    if not pairs:
        raise Complaint(f"{folders[0].path} and {folders[1].path} have no cell in common")
    own = [layout.Floors(rows[[*axes, "status", analysis.THROUGHPUT]], analysis.THROUGHPUT) for _, rows in both.groupby("study")]
    return pairs, layout.FloorsOfOneArm(own, layout.unchanged(*(study.environment["arms"] for study in studies)))


def _good(study: analysis.Analysis) -> pandas.DataFrame:
    """Returns the runs that are ok. Those of an arm that has ever answered wrongly are left out."""
    runs = tables.in_order(study.runs, study.experiment.values)
    wrong = runs[runs["status"] == "wrong"]["arm"]
    return runs[(runs["status"] == "ok") & ~runs["arm"].isin(wrong)]


def table(found: pandas.DataFrame) -> str:
    """Returns the comparisons as a table, and how many there are of each kind."""
    if found.empty:
        return "there is nothing to compare"
    varying = [name for name in tables.varying(found) if name != found["axis"].iloc[0]]
    cells = ["arm"] * ("arm" in found and "arm" not in varying) + varying
    rows = [[*(row[name] for name in cells), row["compared"], row["baseline"], f"{row['ratio']:.3f}", f"{row['low']:.3f}",
             f"{row['high']:.3f}", f"{row['p_holm']:.2g}", f"{row['delta']:+.2f}",
             FLOORS[row["layout_of"]].format(row["layout"]), WORDS[row["verdict"]]]
            for _, row in found.iterrows()]
    head = [*cells, "of", "against", "ratio", "from", "to", "p", "delta", "floor", "verdict"]
    counts = found["verdict"].value_counts()
    hidden = OF_PROGRAMS if found["axis"].iloc[0] == "arm" else OF_ARMS
    return "\n".join([text.table(head, rows),
                      ", ".join(f"{word}: {counts.get(verdict, 0)}" for verdict, word in WORDS.items() if verdict not in hidden),
                      *_about_floors(found)])


def _about_floors(found: pandas.DataFrame) -> list[str]:
    """Returns what the column `floor` means, as far as this table needs it."""
    sources, sentences = set(found["layout_of"]), layout.advice(found)
    if sources & {layout.OWN, layout.OTHER}:
        starred = "; with a *, it is the largest of the other cells" if layout.OTHER in sources else ""
        sentences.insert(0, "floor: by so many times the same instructions at other places of the program differ (layout/*)"
                            f"{starred}.")
    if layout.SAME_PROGRAM in sources:
        sentences.append("floor: same: both sides are the same program, whose code has the same place.")
    return sentences


def status(found: pandas.DataFrame, fail_above: float | None) -> int:
    """Returns 1 if a pair is slower, and its median by more than `fail_above` percent.

    A program that is slower within what the place of its code makes has lost as well: only the cause is in doubt.
    """
    if fail_above is None or found.empty:
        return OK
    lost = found["verdict"].isin([comparison.SLOWER, comparison.SLOWER_WITHIN]) & (found["ratio"] < 1 - fail_above / 100)
    return WRONG if numpy.any(lost) else OK
