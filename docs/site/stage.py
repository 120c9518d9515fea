#!/usr/bin/env python3
"""Collects what the site is made of: the guides, the figures, and the files that the guides refer to.

    stage.py CHECKOUT OUT_DIR

Links in the guides lead to files of the checkout. In the copies they lead to pages of the site: README.md is index.md,
a public header is its page of the API reference, and any other file or folder becomes a page that shows it. A link
that leads nowhere is an error.
"""

import os
import re
import shutil
import sys

# (caption, pages): a page that does not exist is left out, and a guide that is not named comes last.
CONTENTS = [
    ("Guides", ["docs/embedding-cpp", "docs/embedding-c", "docs/languages", "docs/debugging", "docs/diagnosing"]),
    ("Design", ["docs/design", "docs/compact_tables", "docs/fork_and_signals", "docs/glossary", "docs/questions", "docs/design/memory_orders",
                "docs/design/history"]),
    ("Evidence", ["docs/verification", "docs/mutation", "docs/benchmarks", "docs/study"]),
    ("Reference", ["api/index"]),
    ("Project", ["CHANGELOG", "CONTRIBUTING", "SECURITY", "CODE_OF_CONDUCT"]),
]

# (title, text, headers); a public header that is not named here comes last, under "More headers".
API = [
    ("C", "All calls are in one header. The other one is for look-ups without a call.", ["haft", "view"]),
    ("C++: the process's table", "Objects of any type in one table that all shared libraries of a process share.",
     ["process_table", "facility"]),
    ("C++: tables of your own", "Templates over the type of what is in them.",
     ["handle_table", "object_table", "pinned", "read_scope", "table_stats"]),
    ("C++: handles", "", ["handle", "handle_layout", "status"]),
    ("C++: options of a table", "What ``Traits`` chooses from.",
     ["traits", "magazine_free_list", "striped_free_list", "global_free_list", "hazard_reclamation",
      "counted_reclamation"]),
]

LANGUAGES = {".h": "cpp", ".cc": "cpp", ".c": "c", ".py": "python", ".sh": "bash", ".go": "go", ".rs": "rust",
             ".java": "java", ".js": "javascript", ".md": "markdown"}
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)((?:\s+\"[^\"]*\")?)\)")
LARGEST = 200_000  # bytes of a file that is shown


def is_text(path):
    try:
        with open(path, encoding="utf-8") as file:
            file.read()
    except UnicodeDecodeError:
        return False
    return True


class Site:
    def __init__(self, checkout, out):
        self.checkout = checkout
        self.out = out
        self.errors = []
        self.guides = self.find_guides()
        self.headers = sorted(name[:-2] for name in os.listdir(os.path.join(checkout, "lib/haft")) if name.endswith(".h"))
        self.shown = {}  # path in the checkout: page

    def find_guides(self):
        guides = [name for name in sorted(os.listdir(self.checkout)) if re.fullmatch(r"[A-Z_]+\.md", name)]
        for folder, folders, names in os.walk(os.path.join(self.checkout, "docs")):
            folders[:] = sorted(name for name in folders if name not in ("site", "figures"))
            guides += [os.path.relpath(os.path.join(folder, name), self.checkout)
                       for name in sorted(names) if name.endswith(".md")]
        return guides

    def write(self, path, text):
        path = os.path.join(self.out, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def copy(self, full, path):
        path = os.path.join(self.out, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copyfile(full, path)

    def page_of(self, path):
        """The page that shows `path`, which is relative to the checkout; None if there is no such file."""
        if path == "README.md":
            return "index.md"
        if path in self.guides:
            return path
        header = re.fullmatch(r"lib/haft/(\w+)\.h", path)
        if header and header.group(1) in self.headers:
            return "api/%s.rst" % header.group(1)
        if path == "lib/haft":
            return "api/index.rst"
        if path.startswith("docs/figures/") and path.endswith(".svg"):
            return path if os.path.exists(os.path.join(self.checkout, path)) else None
        if path == "docs":
            return "index.md"
        if not os.path.exists(os.path.join(self.checkout, path)):
            return None
        if path not in self.shown:
            self.shown[path] = "tree/%s.rst" % re.sub(r"[^\w/-]", "_", path)
            self.show(path)
        return self.shown[path]

    def show(self, path):
        """Makes the page that shows a file or a folder."""
        full = os.path.join(self.checkout, path)
        lines = [":orphan:", ":nosearch:", "", path, "=" * len(path), ""]
        if os.path.isdir(full):
            for name in sorted(os.listdir(full)):
                inner = os.path.join(path, name)
                if name.startswith(".") or name == "__pycache__":
                    continue
                if os.path.isdir(os.path.join(full, name)):
                    lines.append("- ``%s/``" % name)
                else:
                    target = self.page_of(inner)
                    lines.append("- :doc:`%s </%s>`" % (name, os.path.splitext(target)[0]))
        elif os.path.getsize(full) > LARGEST or not is_text(full):
            lines.append("The file is too large to be shown, or no text.")
        else:
            self.copy(full, os.path.join("_tree", path))
            language = LANGUAGES.get(os.path.splitext(path)[1], "text")
            lines += [".. literalinclude:: /_tree/" + path, "   :language: " + language]
        self.write(self.shown[path], "\n".join(lines) + "\n")

    def stage(self, guide):
        with open(os.path.join(self.checkout, guide), encoding="utf-8") as file:
            lines = file.read().splitlines()
        page = self.page_of(guide)
        fence = None
        for number, line in enumerate(lines):
            mark = re.match(r"\s*(```+|~~~+)", line)
            if mark:
                if fence is None:
                    fence = mark.group(1)
                elif line.strip() == fence:
                    fence = None
                continue
            if fence is not None:
                continue

            def moved(match):
                text, target, rest = match.group(1), match.group(2), match.group(3)
                if re.match(r"[a-z]+:", target) or target.startswith("#"):
                    return match.group(0)
                path, _, anchor = target.partition("#")
                path = os.path.normpath(os.path.join(os.path.dirname(guide), path))
                found = self.page_of(path)
                if found is None:
                    self.errors.append("%s:%d: %s does not exist" % (guide, number + 1, path))
                    return match.group(0)
                moved_to = os.path.relpath(found, os.path.dirname(page) or ".")
                if anchor and found.endswith(".md"):
                    moved_to += "#" + anchor
                return "[%s](%s%s)" % (text, moved_to, rest)

            lines[number] = LINK.sub(moved, line)
        if guide == "README.md":
            lines += ["", self.contents()]
        self.write(page, "\n".join(lines) + "\n")

    def contents(self):
        """The hidden trees that make the side bar."""
        left = [guide[:-3] for guide in self.guides if guide != "README.md"]
        trees = []
        for caption, pages in CONTENTS:
            there = [page for page in pages if page in left or page == "api/index"]
            left = [page for page in left if page not in there]
            trees.append((caption, there))
        trees[0][1].extend(page for page in left if "/design/" not in page)
        trees[1][1].extend(page for page in left if "/design/" in page)
        return "\n\n".join("```{toctree}\n:hidden:\n:maxdepth: 2\n:caption: %s\n\n%s\n```" % (caption, "\n".join(pages))
                           for caption, pages in trees if pages)

    def write_api_index(self):
        left = list(self.headers)
        lines = ["API reference", "=============", "",
                 "The pages are made from the comments of the public headers, in ``lib/haft``. A function's contract has "
                 "these labels:", "",
                 ".. container:: contract", "",
                 "   :Returns: what a call returns, and what has happened if it has failed",
                 "   :Errors: exceptions",
                 "   :Progress: what can delay a call: *wait-free* (nothing), *lock-free* (only calls of other threads that "
                 "succeed), *blocking*",
                 "   :Cost: memory accesses, allocations and system calls",
                 "   :Ordering: what happens before what",
                 "   :Source: where the function is specified", ""]
        groups = API + [("More headers", "", [header for header in left if not any(header in group[2] for group in API)])]
        for title, text, headers in groups:
            headers = [header for header in headers if header in left]
            if not headers:
                continue
            lines += [title, "-" * len(title), ""]
            if text:
                lines += [text, ""]
            lines += [".. toctree::", "   :maxdepth: 1", ""] + ["   %s.h <%s>" % (header, header) for header in headers] + [""]
        self.write("api/index.rst", "\n".join(lines))

    def run(self):
        for guide in self.guides:
            self.stage(guide)
        self.write_api_index()
        for header in self.headers:
            path = "lib/haft/%s.h" % header
            self.shown[path] = "tree/lib/haft/%s_h.rst" % header
            self.show(path)
        for folder, _, names in os.walk(os.path.join(self.checkout, "docs/figures")):
            for name in sorted(names):
                if name.endswith(".svg"):
                    full = os.path.join(folder, name)
                    self.copy(full, os.path.relpath(full, self.checkout))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    site = Site(os.path.abspath(sys.argv[1]), sys.argv[2])
    site.run()
    for error in site.errors:
        print(error, file=sys.stderr)
    sys.exit(1 if site.errors else 0)


if __name__ == "__main__":
    main()
