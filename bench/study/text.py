"""Tables as text, for stdout."""

from typing import Any


def table(head: list[str], rows: list[list[Any]]) -> str:
    """Returns the rows below their heads, in columns as wide as what they hold."""
    lines = [head, *([str(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join(value.ljust(width) for value, width in zip(line, widths)).rstrip() for line in lines)
