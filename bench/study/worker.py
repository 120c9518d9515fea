"""One call of a worker: a JSON object to its stdin, one from its stdout. docs/study_protocol.md describes the protocol."""

import json
import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import Any

PROTOCOL = 1
MOST_OUTPUT = 64 * 2**20  # bytes of an answer
MOST_COMPLAINTS = 4096  # bytes of stderr that are kept, the last ones
DESCRIBE_SECONDS = 30.0
STATUSES = ["ok", "wrong", "cannot", "refused"]
NEEDED = ["clock", "threads", "memory", "faults", "switches", "counters", "latency"]  # keys of an answer with status "ok"


@dataclass(frozen=True)
class Outcome:
    status: str  # one of STATUSES, or "crashed", "timed out", "rubbish", "too much output", "not started"
    message: str | None
    answer: dict[str, Any] | None  # the answer as it came; None unless it is an answer
    complaints: str  # the end of stderr
    seconds: float


def call(command: list[str], request: dict[str, Any], limit: float, environment: dict[str, str] | None = None) -> Outcome:
    """Runs a worker for one request. It and all its children are killed after `limit` seconds or too much output."""
    start = time.monotonic()

    def outcome(status, message, answer=None, complaints=b""):
        return Outcome(status, message, answer, complaints.decode(errors="replace"), time.monotonic() - start)

    try:
        # A session of its own: Ctrl-C reaches the study alone, which then ends the worker with all its children.
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment, start_new_session=True)
    except OSError as error:
        return outcome("not started", f"{command[0]}: {error.strerror}")
    try:
        output, complaints, problem = _exchange(process, json.dumps(request).encode(), start + limit)
        if problem is not None:
            return outcome(*problem, complaints=complaints)
    finally:
        _end(process)
    if process.returncode != 0:
        return outcome("crashed", _how_it_ended(process.returncode), complaints=complaints)
    try:
        answer = json.loads(output)
    except ValueError as error:
        return outcome("rubbish", f"the answer is not JSON: {error}", complaints=complaints)
    wrong = complaint_about(answer, request)
    if wrong is not None:
        return outcome("rubbish", f"the answer {wrong}", complaints=complaints)
    return outcome(answer.get("status", "ok"), answer.get("message"), answer, complaints)


def _exchange(process, request: bytes, deadline: float) -> tuple[bytes, bytes, tuple[str, str] | None]:
    """Returns stdout, the end of stderr, and what stopped the exchange before the worker's end, as status and message."""
    output, complaints = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdout, process.stderr):
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ)
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            for key, _ in selector.select(max(0.0, deadline - time.monotonic())):
                stream = key.fileobj
                if stream is process.stdin:
                    request = _write(stream, request)
                    if not request:
                        selector.unregister(stream)
                        _close(stream)
                    continue
                chunk = stream.read(1 << 16)
                if chunk == b"":
                    selector.unregister(stream)
                elif chunk and stream is process.stdout:
                    output += chunk
                elif chunk:
                    complaints = (complaints + chunk)[-MOST_COMPLAINTS:]
            if len(output) > MOST_OUTPUT:
                return bytes(output), bytes(complaints), ("too much output", f"more than {MOST_OUTPUT} bytes on stdout")
            if time.monotonic() >= deadline:
                return bytes(output), bytes(complaints), ("timed out", "no answer within the limit of time")
    try:  # it has closed its streams, and may go on all the same
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return bytes(output), bytes(complaints), ("timed out", "it has answered and does not end")
    return bytes(output), bytes(complaints), None


def _write(stream, request: bytes) -> bytes:
    """Returns what is still to be written. A worker that does not read its request is judged by its answer."""
    try:
        return request[os.write(stream.fileno(), request):]
    except BrokenPipeError:
        return b""


def _close(stream) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        pass


def _end(process) -> None:
    """Kills what is left of the worker's process group, and waits for the worker."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        _close(stream)


def _how_it_ended(status: int) -> str:
    return f"it ended with status {status}" if status > 0 else f"it was ended by {signal.Signals(-status).name}"


def complaint_about(answer: Any, request: dict[str, Any]) -> str | None:
    """Returns why this is no answer to the request, as the rest of a sentence, or None."""
    if not isinstance(answer, dict):
        return "is no object"
    if answer.get("protocol") != PROTOCOL:
        return f"is of protocol {answer.get('protocol')!r}, not {PROTOCOL}"
    if request["mode"] == "describe":
        arms = answer.get("arms")
        if not isinstance(arms, list) or not all(isinstance(arm, dict) and isinstance(arm.get("name"), str) for arm in arms):
            return "does not list its arms with their names"
        if not all(isinstance(arm.get("workloads"), dict) or isinstance(arm.get("unavailable"), str) for arm in arms):
            return "has an arm with neither workloads nor a reason why it is unavailable"
        return None
    if answer.get("status") not in STATUSES:
        return f"has the status {answer.get('status')!r}"
    if answer["status"] != "ok":
        return None
    absent = [key for key in NEEDED if key not in answer]
    if absent:
        return f"lacks {', '.join(absent)}"
    threads = answer["threads"]
    if not isinstance(threads, list) or len(threads) != request["threads"]:
        return f"is not of {request['threads']} threads"
    for number, thread in enumerate(threads):
        if not isinstance(thread, dict) or not _is_count(thread.get("ns")) or thread["ns"] == 0:
            return f"has no time of thread {number}"
        operations = thread.get("operations")
        if not isinstance(operations, dict) or not all(
                isinstance(one, dict) and _is_count(one.get("done")) and _is_count(one.get("failed"))
            for one in operations.values()):
            return f"does not count the operations of thread {number}"
    return None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
