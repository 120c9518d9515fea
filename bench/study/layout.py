"""What the place of the code alone makes of a time. The arms layout/* are haft/magazine with the same instructions at other
places, so that the ratio of their medians is that of two arms between which there is no difference."""

import pandas

import tables
from arms import LAYOUT, LAYOUT_OF

# For a study without these arms: look-ups in the first study, and again when the arms were made (docs/study.md).
ASSUMED = 1.2
# Where a floor was measured. The program of both sides can be one and the same, so that its code lies at the same place.
OWN, OTHER, FIRST_STUDY, NOWHERE = "this cell", "another cell", "the first study", "nowhere"
SAME_PROGRAM = "both sides are the same program"
TO_MEASURE = 'Add "layout/*" to the key "arms" of the experiment to measure it.'
ADVICE = {
    FIRST_STUDY: f"The floor is that of the first study, {ASSUMED}, because there are no runs of the arms layout/*. {TO_MEASURE}",
    NOWHERE: "The floor is unknown, because there are no runs of the arms layout/*: the place of the code alone may make a part "
             f"of each ratio, which was up to {ASSUMED} in the first study. {TO_MEASURE}"}


class Floors:
    """The ratios that the arms layout/* of a study reach, cell by cell. They are for two arms of the study."""

    one_arm = False

    def __init__(self, runs: pandas.DataFrame, metric: str):
        axes = [name for name in tables.cell_columns(runs) if name != "arm"]
        self._axes = [name for name in axes if name != "revision"]  # each revision has its own layouts, and the larger floor counts
        rows = []
        good = runs[(runs["status"] == "ok") & runs[metric].notna()] if metric in runs else runs[:0]
        good = good[good["arm"].str.startswith(LAYOUT) | (good["arm"] == LAYOUT_OF)]
        for cell, group in tables.groups(good, axes):
            medians = group.groupby("arm", sort=True)[metric].median()
            if len(medians) > 1:  # then one of them has another layout
                rows.append({**dict(zip(axes, cell)), "arms": len(medians), "least": medians.idxmin(),
                             "most": medians.idxmax(), "ratio": float(medians.max() / medians.min())})
        self.table = pandas.DataFrame(rows)
        self._ratios: dict[tuple, float] = {}
        for row in rows:
            cell = tuple(row[name] for name in self._axes)
            self._ratios[cell] = max(row["ratio"], self._ratios.get(cell, 1.0))

    def measured(self, cell: dict) -> tuple[float, str] | None:
        """Returns the floor of a cell and where it was measured, or None if there are no runs that could tell it."""
        own = self._ratios.get(tuple(cell[name] for name in self._axes))
        if own is not None:
            return own, OWN
        return (max(self._ratios.values()), OTHER) if self._ratios else None

    def of(self, cell: dict) -> tuple[float, str]:
        """Returns the ratio below which a pair shows nothing, and where it was measured."""
        return self.measured(cell) or (ASSUMED, FIRST_STUDY)


class FloorsOfOneArm:
    """The floors for two programs that have an arm in common: those of two studies, or of two revisions."""

    one_arm = True

    def __init__(self, floors: list[Floors], unchanged: set[str]):
        """`floors` may be of both programs or of one. `unchanged` has the arms whose program is the same file."""
        self._floors, self._unchanged = floors, unchanged

    def of(self, cell: dict) -> tuple[float | None, str]:
        """Returns the ratio that the place of the code alone makes, None if nothing tells it, and where it was measured."""
        if cell["arm"] in self._unchanged:
            return 1.0, SAME_PROGRAM
        found = [one for one in (floors.measured(cell) for floors in self._floors) if one is not None]
        own = [one for one in found if one[1] == OWN]
        return max(own or found, default=(None, NOWHERE))


def unchanged(facts: dict[str, dict], others: dict[str, dict]) -> set[str]:
    """Returns the arms whose program has the same digest in two studies. The arguments are "arms" of their environment.json."""
    return {name for name, arm in facts.items()
            if arm.get("sha256") is not None and arm["sha256"] == others.get(name, {}).get("sha256")}


def of_revision(facts: dict[str, dict], revision: str) -> dict[str, dict]:
    """Returns the arms of one revision of `ab` by their names without the revision."""
    return {name.rpartition("@")[0]: arm for name, arm in facts.items() if name.endswith(f"@{revision}")}


def advice(compared: pandas.DataFrame) -> list[str]:
    """Returns what must be known of the floors of these comparisons, and how they can be measured where they are not."""
    sources = set(compared["layout_of"]) if "layout_of" in compared else set()
    return [sentence for source, sentence in ADVICE.items() if source in sources]
