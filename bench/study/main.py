#!/usr/bin/env python3
"""The contention study: runs experiments on handle tables, and reports on them. docs/study.md explains it."""

import sys

sys.dont_write_bytecode = True  # this folder may be one of Bazel's

import argparse
import importlib
import os
import signal

import packages
from complaint import INTERRUPTED, MISSING, OK, REFUSED, Complaint, said, speak_as

SUBCOMMANDS = ["run", "resume", "report", "compare", "ab", "simulate", "calibrate", "list", "describe"]


def _percent(text: str) -> float:
    value = float(text)
    if not 0 <= value < 100:  # nor is it a NaN
        raise ValueError
    return value


def _word(text: str) -> str:
    """Returns what names a file, a revision or the like. Without this, an empty one would mean that it is not given."""
    if not text:
        raise argparse.ArgumentTypeError("is empty")
    return text


_percent.__name__ = "percentage from 0 to below 100"  # argparse says what the value is not


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="study", description=__doc__, allow_abbrev=False)
    commands = top.add_subparsers(dest="subcommand", required=True, metavar="|".join(SUBCOMMANDS))

    def add(name, text):
        return commands.add_parser(name, help=text, description=text, allow_abbrev=False)

    def fail_above(command):
        command.add_argument("--fail-above", type=_percent, metavar="PERCENT", help="status 1 if one is slower by more than this")

    run = add("run", "makes the runs of an experiment, then its report")
    run.add_argument("experiment", nargs="?", type=_word, metavar="EXPERIMENT.toml|NAME", help="`list experiments` has the names")
    size = run.add_mutually_exclusive_group()
    size.add_argument("--quick", dest="size", action="store_const", const="quick", help="the experiment quick: under a minute")
    size.add_argument("--full", dest="size", action="store_const", const="full", help="the experiment full: a night")
    run.add_argument("--out", type=_word, metavar="DIR", help="the folder of the results, which is made")
    run.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes a key, such as time.measure=1s")
    run.add_argument("--dry-run", action="store_true", help="prints the runs and makes none")
    resume = add("resume", "makes the runs that a folder lacks, then its report")
    resume.add_argument("folder", type=_word, metavar="DIR")
    report = add("report", "makes tables, plots and report.html again from the raw data")
    report.add_argument("folders", nargs="+", type=_word, metavar="DIR", help="simulated ones are drawn into the plots of measured ones")
    compare = add("compare", "compares two studies cell by cell, or two arms of one")
    compare.add_argument("folders", nargs="+", type=_word, metavar="DIR", help="the second is compared with the first")
    compare.add_argument("--arm", type=_word, metavar="NAME")
    compare.add_argument("--with", dest="baseline", type=_word, metavar="NAME", help="the arm that --arm is compared with")
    fail_above(compare)
    ab = add("ab", "builds two revisions and compares them, their processes in turn")
    ab.add_argument("experiment", nargs="?", type=_word, metavar="EXPERIMENT.toml|NAME", help="default: ab")
    ab.add_argument("--base", type=_word, required=True, metavar="REV")
    ab.add_argument("--head", type=_word, metavar="REV", help="default: HEAD")
    ab.add_argument("--dirty", action="store_true", help="without --head, the head is the tree with its changes")
    ab.add_argument("--no-layout", action="store_true", help="does not measure what the place of the code alone makes (layout/*)")
    ab.add_argument("--out", type=_word, metavar="DIR", help="the folder of the results, which is made")
    ab.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes a key of the experiment")
    fail_above(ab)
    simulate = add("simulate", "simulates an experiment on machines with more cores")
    simulate.add_argument("experiment", nargs="?", type=_word, metavar="EXPERIMENT.toml|NAME", help="default: simulation")
    simulate.add_argument("--machine", type=_word, metavar="PRESET|FILE.toml", help="`list machines` has the presets")
    simulate.add_argument("--cores", type=_word, metavar="RANGE", help="such as 1,2,4..256")
    simulate.add_argument("--seed", type=int, metavar="N", help="the first seed")
    simulate.add_argument("--out", type=_word, metavar="DIR", help="the folder of the results, which is made")
    simulate.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes a key of the experiment")
    calibrate = add("calibrate", "measures the simulator's constants on this machine")
    calibrate.add_argument("--out", type=_word, default="here.toml", metavar="FILE.toml", help="default: here.toml")
    calibrate.add_argument("--validate", action="store_true",
                           help="compares what the simulator then predicts with what this machine does, in FILE.csv as well")
    commands_list = add("list", "prints what there is")
    commands_list.add_argument("what", nargs="?", choices=["arms", "workloads", "parameters", "machines", "experiments"])
    add("describe", "prints the machine as it will be recorded, with warnings")
    return top


def call(arguments) -> int:
    """Runs a subcommand and returns its exit status. The modules are imported when the packages are known to be there."""
    name = arguments.subcommand
    module = importlib.import_module({"resume": "run", "list": "listing"}.get(name, name))
    return getattr(module, name)(arguments)


def main(words: list[str]) -> int:
    packages.use_debians_python()
    missing = packages.complaint()
    if missing is not None:
        if words[:1] and words[0] in SUBCOMMANDS:  # argparse has not looked at the words yet
            speak_as(words[0])
        print(said(missing), file=sys.stderr)
        return REFUSED
    arguments, rest = parser().parse_known_args(words)
    speak_as(arguments.subcommand)
    if rest:  # argparse would not say of which subcommand
        print(said(f"error: unrecognized arguments: {' '.join(rest)}"), file=sys.stderr)
        return REFUSED
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = os.environ.get("BUILD_WORKING_DIRECTORY")
    if folder:
        os.chdir(folder)
    try:
        status = call(arguments)
        sys.stdout.flush()
        return status
    except Complaint as complaint:
        print(said(str(complaint)), file=sys.stderr)
        return complaint.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # of stdout: the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        print(said(str(error)), file=sys.stderr)
        return MISSING


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
