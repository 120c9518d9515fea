#!/usr/bin/env python3
"""Repairs what Debian 12's package of the theme Furo leaves out, in the static files of a site that has been made.

    repair_theme.py STATIC_DIR

Debian builds Furo without its bundler, so that
  - furo.js imports another file, which is no module: the switch between light and dark does nothing;
  - furo.css lacks the rules for readers who prefer dark pages and have not used the switch;
  - furo.css imports a style sheet from the root of a web server of Debian's.
Each repair is for a file that is as described; any other one is left as it is.
"""

import os
import re
import sys

NORMALIZE = "/usr/share/javascript/normalize.css/normalize.css"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    scripts, styles = (os.path.join(sys.argv[1], name) for name in ("scripts", "styles"))

    script = os.path.join(scripts, "furo.js")
    text = read(script)
    line = 'import Gumshoe from "./gumshoe-patched.js";\n'
    if line in text:
        # That file, run as a script, sets window.Gumshoe.
        write(script, read(os.path.join(scripts, "gumshoe-patched.js")) + text.replace(line, ""))

    style = os.path.join(styles, "furo.css")
    text = read(style)
    text = text.replace("@import url(/javascript/normalize.css/normalize.css);", read(NORMALIZE))
    dark = re.search(r'@media not print \{\n((?:.*\n)*?.*\} \})\n', text)
    if dark and "prefers-color-scheme: dark" not in text:
        rules = dark.group(1).removesuffix(" }").replace('body[data-theme="dark"]', 'body[data-theme="auto"]')
        icon = 'body[data-theme="auto"] .theme-toggle svg'
        assert icon in text
        text = text[: dark.end()] + "@media screen and (prefers-color-scheme: dark) {\n" + rules + " }\n" + text[dark.end():]
    write(style, text)


if __name__ == "__main__":
    main()
