"""The progress of a study on stderr: one line that changes on a terminal, a plain line a minute elsewhere."""

import sys
import time


def duration(seconds: float) -> str:
    """Returns a duration for readers, such as 2 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


class Progress:
    EVERY = 60.0  # seconds between two plain lines

    def __init__(self, runs: int, estimate: float, stream=None):
        self.estimate = estimate  # seconds
        self._runs, self._done = runs, 0
        self._stream = stream or sys.stderr
        self._start = self._last = time.monotonic()
        self._width = 0

    def before(self, name: str) -> None:
        """Notes that the run `name` begins."""
        passed = time.monotonic() - self._start
        left = passed / self._done * (self._runs - self._done) if self._done else self.estimate
        line = f"{self._done} of {self._runs} runs, {duration(left)} left, now {name}"
        if self._stream.isatty():
            self._print(f"\r{line.ljust(self._width)}")
            self._width = len(line)
        elif time.monotonic() - self._last >= self.EVERY:
            self._last = time.monotonic()
            self._print(line + "\n")

    def after(self) -> None:
        self._done += 1

    def say(self, sentence: str) -> None:
        """Prints a sentence that stays."""
        self.end()
        self._print(sentence + "\n")

    def end(self) -> None:
        """Clears the line that changes."""
        if self._width:
            self._print(f"\r{' ' * self._width}\r")
            self._width = 0

    def _print(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
