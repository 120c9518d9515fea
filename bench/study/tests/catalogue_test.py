"""Tests that the lists of arms and workloads, in the guide and in `list`, have all that there are and nothing else."""

import fnmatch
import json
import pathlib
import re
import unittest

import support
import catalogue
import parameters

ROOT = support.HERE.parents[2]


def declared():
    """Returns the arms that the sources of bench/arms and bench/rivals declare."""
    folder = ROOT / "bench" / "arms"
    text = "".join(path.read_text() for path in sorted(folder.glob("*.cc")))
    names = set(re.findall(r'HAFT_STUDY_(?:ARM|ARM_OF|UNAVAILABLE)\(\s*"([^"]+)"', text))
    offsets = re.search(r"for offset in \[([^]]*)\]", (folder / "BUILD.bazel").read_text())[1]
    names |= {f"layout/{offset}" for offset in re.findall(r"\d+", offsets)}
    for rivals in json.loads((ROOT / "bench" / "rivals" / "arms.json").read_text()).values():
        names |= set(rivals)
    return names


class CatalogueTest(unittest.TestCase):
    def test_every_arm_has_a_sentence_and_every_sentence_an_arm(self):
        names = declared()
        self.assertGreater(len(names), 50)
        owners = {}
        for name in names:
            pattern = next((one for one in catalogue.ARMS if fnmatch.fnmatchcase(name, one)), None)
            self.assertIsNotNone(pattern, f"{name} has no sentence")
            owners.setdefault(pattern, []).append(name)
        self.assertEqual(set(catalogue.ARMS) - set(owners), set(), "sentences about no arm")
        self.assertEqual(owners["haft/magazine"], ["haft/magazine"])
        self.assertEqual(len(owners["layout/*"]), 4)

    def test_an_arm_of_ones_own_has_none(self):
        self.assertEqual(catalogue.meaning("mine"), "")
        self.assertEqual(catalogue.meaning("layout/16"), catalogue.ARMS["layout/*"])

    def test_the_workloads_are_those_that_a_worker_has(self):
        text = (ROOT / "bench" / "worker" / "make_arm.h").read_text()
        self.assertEqual(re.findall(r'EntryOf<[^;]*?>\(\s*"([^"]+)"', text), list(parameters.WORKLOADS))

    def test_the_guide_has_both_lists(self):
        guide = (ROOT / "docs" / "study.md").read_text()
        self.assertIn(catalogue.arms_markdown(), guide)
        self.assertIn(catalogue.workloads_markdown(), guide)


if __name__ == "__main__":
    unittest.main()
