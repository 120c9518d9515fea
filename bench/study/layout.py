"""What the place of the code alone makes of a time. The arms layout/* are haft/magazine with the same instructions at other
places, so that the ratio of their medians is that of two arms between which there is no difference."""

import pandas

import tables
from arms import LAYOUT, LAYOUT_OF

# For a study without these arms: look-ups in the first study, and again when the arms were made (docs/study.md).
ASSUMED = 1.2
OWN, OTHER, FIRST_STUDY = "this cell", "another cell", "the first study"


class Floors:
    """The ratios that the arms layout/* of a study reach, cell by cell."""

    def __init__(self, runs: pandas.DataFrame, metric: str):
        self._axes = [name for name in tables.cell_columns(runs) if name != "arm"]
        rows = []
        good = runs[(runs["status"] == "ok") & runs[metric].notna()] if metric in runs else runs[:0]
        good = good[good["arm"].str.startswith(LAYOUT) | (good["arm"] == LAYOUT_OF)]
        for cell, group in tables.groups(good, self._axes):
            medians = group.groupby("arm", sort=True)[metric].median()
            if len(medians) > 1:  # then one of them has another layout
                rows.append({**dict(zip(self._axes, cell)), "arms": len(medians), "least": medians.idxmin(),
                             "most": medians.idxmax(), "ratio": float(medians.max() / medians.min())})
        self.table = pandas.DataFrame(rows)
        self._ratios = {tuple(row[name] for name in self._axes): row["ratio"] for row in rows}

    def of(self, cell: dict) -> tuple[float, str]:
        """Returns the ratio below which a pair shows nothing, and where it was measured."""
        own = self._ratios.get(tuple(cell[name] for name in self._axes))
        if own is not None:
            return own, OWN
        return (max(self._ratios.values()), OTHER) if self._ratios else (ASSUMED, FIRST_STUDY)
