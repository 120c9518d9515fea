"""The folder of a study's results, complete and valid at every moment."""

import fcntl
import gzip
import json
import os
import pathlib
import shutil
import tempfile
import zlib
from typing import Any

from complaint import MISSING, Complaint

EXPERIMENT, ENVIRONMENT, TOPOLOGY, RUNS = "experiment.toml", "environment.json", "topology.xml", "runs.jsonl"
RUNS_VERSION = 1


def create(path: pathlib.Path, experiment: str, environment: dict[str, Any], topology: str) -> "Folder":
    """Makes a folder without runs. It appears under its name with all its files or not at all."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        is_study = (path / RUNS).exists()
        raise Complaint(f"--out={path}: " + (f"holds a study already; `resume {path}` goes on with it" if is_study
                                             else "is not an empty folder"))
    draft = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        draft.chmod(0o755)
        for name, text in ((EXPERIMENT, experiment), (ENVIRONMENT, to_json(environment)), (TOPOLOGY, topology), (RUNS, "")):
            write(draft / name, text.encode())
        os.rename(draft, path)
        _sync(path.parent)
    except OSError as error:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
        raise Complaint(f"--out={path}: {error.strerror}")
    return Folder(path)


def to_json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def write(path: pathlib.Path, content: bytes) -> None:
    """Writes a file, which appears or changes as a whole."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        with open(draft, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError):  # a full disk alone does not name the file
            raise OSError(error.errno, error.strerror, str(path))
        raise


def _sync(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Folder:
    """A study's folder. It is locked while it is open for writing."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self._compressed = path / (RUNS + ".gz")
        if not (path / RUNS).is_file() and not self._compressed.is_file():
            raise Complaint(f"{path}: holds no study")

    def __enter__(self) -> "Folder":
        if not (self.path / RUNS).exists():
            raise Complaint(f"{self.path}: its runs are compressed; `gunzip {self._compressed}` lets it go on")
        self._lock = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise Complaint(f"{self.path}: another process is writing to this folder")
        self._runs = os.open(self.path / RUNS, os.O_RDWR | os.O_APPEND)
        content = (self.path / RUNS).read_bytes()
        os.ftruncate(self._runs, content.rfind(b"\n") + 1)  # a line that a kill has torn
        return self

    def __exit__(self, *_) -> None:
        os.close(self._runs)
        os.close(self._lock)

    def append(self, line: dict[str, Any]) -> None:
        """Adds a run. When this returns, the line is on the disk; if the disk is full, the file is as it was."""
        content = json.dumps({"version": RUNS_VERSION, **line}, separators=(",", ":")).encode() + b"\n"
        length = os.fstat(self._runs).st_size
        try:
            written = 0
            while written < len(content):
                written += os.write(self._runs, content[written:])
            os.fsync(self._runs)
        except BaseException as error:
            os.ftruncate(self._runs, length)
            if not isinstance(error, OSError):
                raise
            raise Complaint(f"{self.path / RUNS}: {error.strerror}; `resume {self.path}` goes on when there is room", MISSING)

    def runs(self) -> list[dict[str, Any]]:
        """Returns the runs in the order in which they were made. A last line that a kill has torn is left out.

        A study that is kept may have compressed them with gzip; then it cannot be resumed.
        """
        is_compressed = not (self.path / RUNS).exists()
        try:
            content = gzip.decompress(self._compressed.read_bytes()) if is_compressed else (self.path / RUNS).read_bytes()
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise Complaint(f"{self._compressed}: {error}")
        lines = content.split(b"\n")[:-1]
        runs = []
        for number, line in enumerate(lines, 1):
            try:
                run = json.loads(line)
            except ValueError as error:
                raise Complaint(f"{self.path / RUNS}:{number}: is not JSON: {error}")
            if not isinstance(run, dict):
                raise Complaint(f"{self.path / RUNS}:{number}: is no JSON object")
            if run.get("version") != RUNS_VERSION:
                raise Complaint(f"{self.path / RUNS}:{number}: has version {run.get('version')!r}; "
                                f"this program reads version {RUNS_VERSION}")
            runs.append(run)
        return runs

    def environment(self) -> dict[str, Any]:
        try:
            environment = json.loads((self.path / ENVIRONMENT).read_text())
        except (OSError, ValueError) as error:
            raise Complaint(f"{self.path / ENVIRONMENT}: {error}")
        if not isinstance(environment, dict):
            raise Complaint(f"{self.path / ENVIRONMENT}: is no JSON object")
        return environment
