#!/usr/bin/env bash
# Tests docs/embedding-c.md: each block of C is in a source that another folder's test, or one of Bazel's, compiles and runs, and
# each command is in a script that run.sh runs.
cd "${BASH_SOURCE[0]%/*}"
. ../common.sh

quoted() {
  /usr/bin/python3 - "$haft" << 'END'
import pathlib, re, sys
root = pathlib.Path(sys.argv[1])
page = (root / "docs/embedding-c.md").read_text()
sources = [p.read_text() for d in ("sqlite", "curl", "uv", "microhttpd", "glib") for p in (root / "examples" / d).glob("*.c")
           if p.name != "raw.c"]
sources += [p.read_text() for p in (root / "tests/consumer/c").glob("*.c")]
scripts = (root / "examples/run.sh").read_text().replace(" --jobs=2 --noshow_progress --show_result=0", "")
blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.M | re.S)
assert len(blocks) >= 7, len(blocks)
for language, text in blocks:
    found = text.strip() in scripts if language == "sh" else language == "c" and any(text in s for s in sources)
    assert found, f"no tested file has:\n{text}"
END
}
proves 'embedding-c.md: every block is from a tested file' quoted
finish
