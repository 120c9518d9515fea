"""Tests of topology.py and placement.py, on recorded topologies.

Of topologies/, no_smt.xml and one_cpu.xml (less the other CPU) are a machine's. The others are synthetic machines of lstopo:
two_sockets.xml is "package:2 numa:1 l3:1 core:4 pu:2" with the kernel's usual numbers, cgroup.xml is the same with the three
CPUs that a cgroup leaves, and smt.xml is one such socket.
"""

import unittest

import support
import placement
import topology


def cpus(name):
    return topology.parse((support.HERE / "topologies" / f"{name}.xml").read_text())


class TopologyTest(unittest.TestCase):
    def test_two_sockets(self):
        found = cpus("two_sockets")
        self.assertEqual(len(found), 16)
        self.assertEqual({(cpu.package, cpu.node) for cpu in found}, {(0, 0), (1, 1)})
        self.assertEqual([cpu.number for cpu in found if cpu.core == 5], [5, 13])
        self.assertEqual([cpu.number for cpu in found if cpu.sibling], list(range(8, 16)))

    def test_machines_without_smt_and_with_one_cpu(self):
        self.assertEqual([(cpu.number, cpu.core, cpu.sibling) for cpu in cpus("no_smt")], [(0, 0, 0), (1, 1, 0)])
        self.assertEqual([(cpu.number, cpu.core, cpu.sibling) for cpu in cpus("one_cpu")], [(1, 0, 0)])

    def test_a_cgroup_of_three_cpus(self):
        self.assertEqual([(cpu.number, cpu.sibling, cpu.node) for cpu in cpus("cgroup")], [(0, 0, 0), (8, 1, 0), (5, 0, 1)])

    def test_the_affinity_excludes_cpus(self):
        text = (support.HERE / "topologies" / "two_sockets.xml").read_text()
        found = topology.parse(text, {8, 3})
        # The first CPU of a core that is left is no sibling.
        self.assertEqual([(cpu.number, cpu.sibling) for cpu in found], [(8, 0), (3, 0)])

    def test_sets_of_more_than_32_cpus(self):
        self.assertEqual(topology.cpus_of_set("0x1,,0x80000001"), {0, 31, 64})

    def test_this_machine_has_the_cpus_that_the_kernel_lists(self):
        import os
        self.assertEqual({cpu.number for cpu in topology.here(topology.record())}, os.sched_getaffinity(0))


class PlacementTest(unittest.TestCase):
    def placed(self, machine, kind, threads):
        return [numbers[0] for numbers in placement.place(kind, threads, cpus(machine)).cpus]

    def test_two_sockets(self):
        self.assertEqual(self.placed("two_sockets", "compact", 16), [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15])
        self.assertEqual(self.placed("two_sockets", "scatter", 16), [0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15])
        self.assertEqual(self.placed("two_sockets", "cores", 8), [0, 1, 2, 3, 4, 5, 6, 7])
        self.assertEqual(self.placed("two_sockets", "siblings", 6), [0, 8, 1, 9, 2, 10])
        self.assertEqual(self.placed("two_sockets", "node:1", 8), [4, 5, 6, 7, 12, 13, 14, 15])
        self.assertEqual(self.placed("two_sockets", "cpus:3,0-1", 3), [3, 0, 1])

    def test_smt(self):
        self.assertEqual(self.placed("smt", "compact", 8), [0, 1, 2, 3, 4, 5, 6, 7])
        self.assertEqual(self.placed("smt", "scatter", 8), [0, 1, 2, 3, 4, 5, 6, 7])
        self.assertEqual(self.placed("smt", "siblings", 4), [0, 4, 1, 5])

    def test_no_smt(self):
        for kind in ("compact", "scatter", "cores", "node:0"):
            self.assertEqual(self.placed("no_smt", kind, 2), [0, 1])

    def test_one_cpu(self):
        for kind in ("compact", "scatter", "cores", "node:0", "cpus:1"):
            self.assertEqual(self.placed("one_cpu", kind, 3), [1, 1, 1])

    def test_a_cgroup_of_three_cpus(self):
        self.assertEqual(self.placed("cgroup", "compact", 3), [0, 8, 5])
        self.assertEqual(self.placed("cgroup", "scatter", 3), [0, 5, 8])
        self.assertEqual(self.placed("cgroup", "cores", 2), [0, 5])
        self.assertEqual(self.placed("cgroup", "siblings", 3), [0, 8, 5])

    def test_none_pins_nothing(self):
        placed = placement.place("none", 9, cpus("smt"))
        self.assertIsNone(placed.cpus)
        self.assertTrue(placed.oversubscribed)
        self.assertFalse(placement.place("none", 8, cpus("smt")).oversubscribed)

    def test_the_marks_of_plots(self):
        def marks(kind, threads):
            placed = placement.place(kind, threads, cpus("two_sockets"))
            return placed.shares_core, placed.nodes, placed.oversubscribed
        self.assertEqual(marks("compact", 4), (False, 1, False))
        self.assertEqual(marks("compact", 5), (True, 1, False))
        self.assertEqual(marks("compact", 9), (True, 2, False))
        self.assertEqual(marks("scatter", 2), (False, 2, False))
        self.assertEqual(marks("cores", 8), (False, 2, False))
        self.assertEqual(marks("cores", 9), (False, 2, True))
        self.assertEqual(marks("compact", 17), (True, 2, True))

    def test_what_is_not_there_is_refused(self):
        for machine, kind, sentence in (("no_smt", "node:1", "needs node 1, and there is node 0"),
                                        ("no_smt", "siblings", "needs SMT siblings"),
                                        ("one_cpu", "siblings", "needs SMT siblings"),
                                        ("cgroup", "cpus:0,1", "needs CPU 1, and there are CPUs 0,5,8")):
            with self.subTest(machine=machine, kind=kind), self.assertRaisesRegex(ValueError, sentence):
                placement.place(kind, 1, cpus(machine))


if __name__ == "__main__":
    unittest.main()
