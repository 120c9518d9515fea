"""The errors that end a subcommand, and the sentences that they are made of."""

import difflib

OK = 0
WRONG = 1  # an arm gave an answer that no correct table gives, or a comparison that may fail has failed
REFUSED = 2  # the caller got something wrong; nothing was run or written
MISSING = 3  # runs are missing from the result, and the rest is good
INTERRUPTED = 130


_speaker = ["study"]


def speak_as(subcommand: str) -> None:
    """Names the subcommand that all further messages are of."""
    _speaker[0] = f"study {subcommand}"


def said(sentence: str) -> str:
    """Returns a message for stderr."""
    return f"{_speaker[0]}: {sentence}"


class Complaint(Exception):
    """A sentence for the caller, and the exit status that goes with it."""

    def __init__(self, sentence: str, status: int = REFUSED):
        super().__init__(sentence)
        self.status = status


def suggestion(name: str, known) -> str:
    """Returns `; did you mean "NEAREST"?`, or the known names if none is near."""
    names = sorted(str(one) for one in known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f'; did you mean "{near[0]}"?'
    return f"; known: {', '.join(names)}" if names else "; there are none"
