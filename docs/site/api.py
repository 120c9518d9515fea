#!/usr/bin/env python3
"""Writes the pages of the API reference: Doxygen's XML for the declarations, the headers themselves for the comments.

    api.py HEADERS_DIR XML_DIR OUT_DIR

HEADERS_DIR contains the public headers, XML_DIR what Doxygen has made of them (through filter.py). OUT_DIR gets one
reStructuredText page for each header. A comment belongs to the declaration below it, and to those that follow that one
without a blank line and without a comment of their own. The labels of a contract block (Returns, Errors, ...) become
a table. A public declaration without a comment is an error, except for a member whose name says all.
"""

import os
import re
import sys
import textwrap
import xml.etree.ElementTree as ElementTree

from pygments.lexers import CLexer, CppLexer
from pygments.token import Token

LABELS = ("Returns", "Errors", "Progress", "Cost", "Ordering", "Source")
LABEL = re.compile(r"^ {1,4}(%s)(?: {2,}|$)(.*)$" % "|".join(LABELS))
ITEM = re.compile(r"^( *)(?:[-*]|(\d+)\.) +(.*)$")

C_HEADERS = {"haft.h", "view.h"}


class Line:
    """A line of a header: its code, and its comment with the column that the comment begins at."""

    def __init__(self, code, comment, column):
        self.code = code.rstrip()
        self.comment = comment
        self.column = column

    @property
    def is_blank(self):
        return not self.code.strip() and self.comment is None

    @property
    def is_comment(self):
        return not self.code.strip() and self.comment is not None


def read_lines(path):
    """The lines of a header, with /* */ comments split into one comment a line."""
    lines, column = [], None
    with open(path, encoding="utf-8") as header:
        for text in header.read().splitlines():
            code = ""
            comment = None
            if column is None:
                found = re.match(r'((?:[^"/]|"(?:\\.|[^"\\])*"|/(?![/*]))*)(//|/\*)(.*)$', text)
                if found:
                    code, opening, comment = found.groups()
                    at = len(code)
                    if opening == "/*":
                        column = at
                else:
                    code = text
            else:
                at = column
                comment = re.sub(r"^\s*\*(?!/)", "", text) if re.match(r"^\s*\*(?!/)", text) else " " + text.strip()
            if column is not None and comment is not None and "*/" in comment:
                comment = comment[: comment.index("*/")].rstrip()
                lines.append(Line(code, comment[1:] if comment.startswith(" ") else comment, at))
                column = None
                continue
            if comment is None:
                lines.append(Line(code, None, 0))
            else:
                lines.append(Line(code, comment[1:] if comment.startswith(" ") else comment, at))
    return lines


class Header:
    def __init__(self, path):
        self.name = os.path.basename(path)
        self.is_c = self.name in C_HEADERS
        self.lines = read_lines(path)

    def is_continuation(self, index):
        """Whether a comment line continues the one that stands behind code above it."""
        above = index - 1
        while above >= 0 and self.lines[above].is_comment and self.lines[above].column == self.lines[index].column:
            above -= 1
        return above >= 0 and self.lines[above].code.strip() != "" and (
            self.lines[above].comment is not None and self.lines[above].column == self.lines[index].column)

    def first_line(self, index):
        """The line at which the declaration with its name in line `index` begins."""
        while index > 0:
            above = self.lines[index - 1]
            code = above.code.strip()
            if not code or code.endswith((";", "{", "}", ":", ",")) and not self.is_open(index - 1) or code.startswith("#"):
                break
            index -= 1
        return index

    def is_open(self, index):
        """Whether line `index` ends inside of a template's parameters."""
        start = index
        while start > 0 and self.lines[start].code.strip() and not self.lines[start].code.strip().startswith("template"):
            start -= 1
        if not self.lines[start].code.strip().startswith("template"):
            return False
        text = " ".join(line.code for line in self.lines[start: index + 1])
        return text.count("<") > text.count(">")

    def comment_above(self, index):
        while index > 0 and self.lines[index - 1].code.startswith("#if"):
            index -= 1
        end = index
        while index > 0 and self.lines[index - 1].is_comment and not self.is_continuation(index - 1):
            index -= 1
        return [line.comment for line in self.lines[index:end]]

    def comment_behind(self, index):
        """The comment behind a declaration that ends at or below line `index`, and in the lines that continue it."""
        while index < len(self.lines) and not self.lines[index].code.rstrip().endswith((";", ",", "}")):
            if self.lines[index].comment is not None:
                break
            index += 1
        if index >= len(self.lines) or self.lines[index].comment is None or self.lines[index].is_comment:
            return []
        column = self.lines[index].column
        texts = [self.lines[index].comment]
        while index + 1 < len(self.lines) and self.lines[index + 1].is_comment and (
                self.lines[index + 1].column == column):
            index += 1
            texts.append(self.lines[index].comment.strip())
        return texts


class Entity:
    def __init__(self, header, kind, name, qualified, signature, line, end):
        self.header = header
        self.kind = kind
        self.name = name
        self.qualified = qualified
        self.signature = signature
        self.line = line
        self.end = end
        self.first = header.first_line(line)
        self.children = []
        self.comment = []
        self.has_section = False
        self.more = []  # entities that share the comment


# ---------------------------------------------------------------------------------------------------------- Doxygen


def text_of(node, tag):
    child = node.find(tag)
    return "" if child is None else " ".join("".join(child.itertext()).split())


def template_of(node):
    parameters = node.find("templateparamlist")
    if parameters is None:
        return ""
    parts = []
    for parameter in parameters.findall("param"):
        part = text_of(parameter, "type")
        name = text_of(parameter, "declname")
        if name:
            part += " " + name
        default = text_of(parameter, "defval")
        if default:
            part += " = " + default
        parts.append(part)
    return "template<%s> " % ", ".join(parts)


def tidy(signature):
    signature = re.sub(r"\s+", " ", signature).strip()
    signature = re.sub(r" ?([*&]+) ?(?=[A-Za-z_,)&*])", r" \1", signature)
    signature = re.sub(r"\( \*", "(*", signature)
    # The place of the call, which a caller does not pass.
    signature = re.sub(r", internal::SourceLine at ?= ?internal::SourceLine::Here\(\)", "", signature)
    return signature.replace("< ", "<").replace(" >", ">")


def function_of(node):
    kind = text_of(node, "type")
    # Doxygen repeats in the type what it has attributes for.
    prefix = ""
    for word in ("static", "explicit"):
        if node.get(word) == "yes":
            prefix += word + " "
    kind = re.sub(r"^(?:friend|static|inline|explicit)\s+", "", kind)
    if node.get("constexpr") == "yes" and "constexpr" not in kind:
        prefix += "constexpr "
    arguments = text_of(node, "argsstring").replace("=default", " = default").replace("=delete", " = delete")
    name = text_of(node, "name")
    return tidy("%s%s%s %s%s" % (template_of(node), prefix, kind, name, arguments))


class Reference:
    def __init__(self, headers, xml):
        self.headers = {header.name: header for header in headers}
        self.xml = xml
        self.pages = {header.name: [] for header in headers}
        self.known = {}  # name or qualified name: entity
        self.members = {}  # (class, name): entity
        self.seen = set()

    def header_of(self, node):
        location = node.find("location")
        if location is None or location.get("file") is None:
            return None
        header = self.headers.get(os.path.basename(location.get("file")))
        # Doxygen also mentions what is declared in headers of which it was not told.
        return header if location.get("file").endswith("haft/%s" % (header.name if header else "?")) else None

    def load(self):
        index = ElementTree.parse(os.path.join(self.xml, "index.xml")).getroot()
        for compound in index.findall("compound"):
            if compound.get("kind") in ("namespace", "file", "class", "struct"):
                name = compound.findtext("name")
                if compound.get("kind") == "namespace" and name != "haft":
                    continue
                if compound.get("kind") in ("class", "struct") and "::" in name.replace("haft::", "", 1):
                    continue  # nested: its class has it
                root = ElementTree.parse(os.path.join(self.xml, compound.get("refid") + ".xml")).getroot()
                definition = root.find("compounddef")
                if compound.get("kind") in ("class", "struct"):
                    if "internal" not in name and "<" not in name:
                        self.add(self.compound(definition))
                else:
                    for member in definition.iter("memberdef"):
                        for entity in self.member(member, None):
                            self.add(entity)

    def add(self, entity):
        if entity is not None and (entity.header.name, entity.line, entity.signature) not in self.seen:
            self.seen.add((entity.header.name, entity.line, entity.signature))
            self.pages[entity.header.name].append(entity)

    def compound(self, definition):
        header = self.header_of(definition)
        if header is None:
            return None
        location = definition.find("location")
        qualified = definition.findtext("compoundname")
        name = qualified.rsplit("::", 1)[-1]
        end = int(location.get("bodyend", location.get("line"))) - 1
        kind = "struct" if definition.get("kind") == "struct" else "class"
        bases = [base.text for base in definition.findall("basecompoundref")
                 if base.get("prot") == "public" and "internal" not in base.text]
        signature = template_of(definition) + (name if not bases else name + " : " + ", ".join("public " + base for base in bases))
        entity = Entity(header, kind, name, qualified, tidy(signature), int(location.get("line")) - 1, end)
        for section in definition.findall("sectiondef"):
            for member in section.findall("memberdef"):
                if member.get("kind") == "friend" or section.get("kind") == "friend":
                    if not text_of(member, "name").startswith("operator"):
                        continue
                elif member.get("prot") != "public":
                    continue
                entity.children += self.member(member, qualified)
        for inner in definition.findall("innerclass"):
            if inner.get("prot") == "public":
                root = ElementTree.parse(os.path.join(self.xml, inner.get("refid") + ".xml")).getroot()
                child = self.compound(root.find("compounddef"))
                if child is not None:
                    entity.children.append(child)
        return entity

    def member(self, node, scope):
        header = self.header_of(node)
        if header is None:
            return []
        kind = node.get("kind")
        location = node.find("location")
        line = int(location.get("line")) - 1
        end = int(location.get("bodyend", "-1")) - 1
        end = line if end < 0 else end
        name = text_of(node, "name")
        qualified = (scope + "::" if scope else "" if header.is_c else "haft::") + name
        arguments = text_of(node, "argsstring")
        if kind in ("function", "friend"):
            kind = "function"
            signature = function_of(node)
            if "= delete" in signature or name.startswith("~") and "= default" in signature:
                return []
        elif kind == "variable":
            value = text_of(node, "initializer")
            value = " " + value if value and len(value) < 60 and value != "{}" and not header.is_c else ""
            signature = tidy("%s%s %s%s%s" % (template_of(node), text_of(node, "type"), name, arguments, value))
            if header.is_c:
                signature = signature.replace("(* ", "(*").replace("(*%s) (" % name, "(*%s)(" % name)
                signature = re.sub(r"\(\*\s*(\w+\)?)\s*", r"(*\1", signature)
                if "(*" in signature and "(*%s)" % name not in signature:
                    signature = signature.replace("(*%s" % name, "(*%s)" % name).replace("))(", ")(")
        elif kind == "typedef":
            if "struct" in text_of(node, "type") and text_of(node, "type").endswith(" " + name):
                kind, signature = "struct", name
                if any(line_.code.startswith("typedef struct %s {" % name) for line_ in header.lines):
                    return []
            elif text_of(node, "type").startswith("enum "):
                return []
            elif header.is_c:
                signature = tidy(re.sub(r"^typedef ", "", text_of(node, "definition")))
                if "(*" in text_of(node, "type") or arguments:
                    signature = tidy("%s%s%s" % (text_of(node, "type"), name, arguments))
            else:
                signature = tidy("%s%s = %s" % (template_of(node), name, text_of(node, "type")))
        elif kind == "enum":
            signature = name
        elif kind == "define":
            if not name.startswith("HAFT_") or name.endswith("_H_") or name in ("HAFT_API",):
                return []
            parameters = [text_of(parameter, "defname") for parameter in node.findall("param")]
            signature = name + ("(%s)" % ", ".join(parameters) if any(parameters) else "")
            qualified = name
        else:
            return []
        entity = Entity(header, kind, name, qualified, signature, line, end)
        if kind == "enum":
            entity.is_class = node.get("strong") == "yes"
            for value in node.findall("enumvalue"):
                value_name = text_of(value, "name")
                at = next(i for i in range(line, end + 1)
                          if re.match(r"\s*%s\b" % value_name, header.lines[i].code))
                initializer = text_of(value, "initializer")
                child = Entity(header, "enumerator", value_name,
                               value_name if header.is_c else qualified + "::" + value_name,
                               (value_name + (" " + initializer if initializer else "")).strip(), at, at)
                entity.children.append(child)
        return [entity]

    # ------------------------------------------------------------------------------------------------- Comments

    def document(self, entities):
        """Gives each entity its comment, and returns those that have one, with the others appended to them."""
        entities.sort(key=lambda entity: (entity.line, entity.signature))
        documented = []
        for entity in entities:
            header = entity.header
            if entity.kind in ("enumerator", "variable", "typedef", "define"):
                entity.comment = header.comment_behind(entity.line)
            if not entity.comment:
                entity.comment = header.comment_above(entity.first)
            if entity.comment and entity.comment[0].startswith("---"):
                entity.comment = []  # a section's, which stands above the declaration
                entity.has_section = True
            if entity.children:
                entity.children = self.document(entity.children)
            previous = documented[-1] if documented else None
            # haft_table_x without a comment is haft_x in a table, each for itself.
            is_twin = header.is_c and entity.name.startswith("haft_table_") and previous is not None and not previous.comment
            if not entity.comment and previous is not None and not is_twin:
                last = previous.more[-1] if previous.more else previous
                between = header.lines[last.end + 1: entity.first]
                if not any(line.is_blank for line in between) and (
                        entity.kind == previous.kind and not entity.children and not previous.children):
                    previous.more.append(entity)
                    continue
            documented.append(entity)
        for entity in documented:
            for each in [entity] + entity.more:
                self.known.setdefault(each.qualified, each)
                scope = each.qualified.rsplit("::", 1)[0] if "::" in each.qualified else ""
                self.members.setdefault((scope, each.name), each)
        return documented


# -------------------------------------------------------------------------------------------------- reStructuredText


def escape(text):
    """Text with what reStructuredText would take for markup escaped; *emphasis* stays."""
    parts = re.split(r"((?<![\w*])\*[A-Za-z][\w ]*\*(?![\w*]))", text)
    return "".join(part if index % 2 else re.sub(r"([\\*`|]|_(?!\w))", r"\\\1", part)
                   for index, part in enumerate(parts))


def language_of(code, is_c):
    """The language of an indented block: of the header if it looks like code, else none."""
    text = "\n".join(code)
    lexer = (CLexer if is_c else CppLexer)()
    if not re.search(r"[;{}]", text) or any(kind is Token.Error for kind, _ in lexer.get_tokens(text)):
        return "text"
    return "c" if is_c else "cpp"


class Writer:
    def __init__(self, reference, header, entities):
        self.reference = reference
        self.header = header
        self.entities = entities
        self.out = []
        self.errors = []

    # ..................................................................................................... prose

    def role(self, entity, text):
        if entity.header.is_c:
            kinds = {"function": "func", "define": "macro", "enum": "enum", "enumerator": "enumerator",
                     "struct": "struct", "typedef": "type", "variable": "member"}
            return ":c:%s:`%s <%s>`" % (kinds[entity.kind], text, entity.qualified)
        return ":cpp:any:`%s <%s>`" % (text, entity.qualified)

    def find(self, word, scope):
        """The entity that `word` means in a comment of `scope`, if any."""
        members, known = self.reference.members, self.reference.known
        while scope and scope != "haft":
            if (scope, word) in members:
                return members[scope, word]
            scope = scope.rsplit("::", 1)[0] if "::" in scope else ""
        if "::" in word:
            return known.get(word) or known.get("haft::" + word)
        if word in known:
            return known[word]
        if not self.header.is_c:
            # "New" in a comment of a free list is no particular one.
            is_plain = re.fullmatch(r"[A-Z][a-z]*", word) is not None
            if ("haft", word) in members and not (is_plain and members["haft", word].header is not self.header):
                return members["haft", word]
            if re.match(r"k[A-Z]", word):
                for enum in ("Status", "Exhaustion"):
                    if ("haft::" + enum, word) in members:
                        return members["haft::" + enum, word]
        return None

    def inline(self, text, scope, own):
        """Text of a comment as reStructuredText, with what it names linked."""
        out = []
        for index, part in enumerate(re.split(r"`([^`]*)`", text)):
            if index % 2:
                entity = self.find(part, scope) if re.fullmatch(r"[\w:]+", part) else None
                if entity is not None and entity.name not in own and not re.fullmatch(r"[a-z]+", part):
                    out.append(self.role(entity, part))
                elif part.strip():
                    out.append("``%s``" % part.strip())
                continue
            pages = re.split(r"docs/([\w/-]+)\.md", part)
            if len(pages) > 1:
                for number, piece in enumerate(pages):
                    out.append(":doc:`/docs/%s`" % piece if number % 2 else self.inline(piece, scope, own))
                continue
            position = 0
            for word in re.finditer(r"(?<![\w:.~])[A-Za-z_]\w*(?:::\w+)*(?:\(\))?(?!\w)", part):
                marked = self.marked(word.group(0), part[: word.start()].rstrip(), scope, own)
                if marked is not None:
                    out += [escape(part[position: word.start()]), marked]
                    position = word.end()
            out.append(escape(part[position:]))
        return self.join(out)

    def marked(self, word, before, scope, own):
        """A word of plain text as a link or as code; None if it is neither. `before` is the text before it."""
        name = word.removesuffix("()")
        entity = self.find(name, scope)
        # A sentence's first word and plain English are not taken for names.
        is_plain = re.fullmatch(r"[A-Z]?[a-z]*", name) is not None
        starts = not before or before.endswith((".", ":", ";"))
        if entity is not None and (entity.name not in own or "::" in name) and not name.islower() and not (
                is_plain and (starts or name in ("Status", "Handle", "Pinned"))):
            return self.role(entity, word)
        if entity is not None and "_" in name and entity.name not in own:
            return self.role(entity, word)
        if entity is not None and not is_plain or re.match(r"(?:std::|haft_|HAFT_|[A-Za-z]\w*::\w)", name):
            return "``%s``" % word
        return None

    @staticmethod
    def join(parts):
        """The parts, with an escaped space where markup would otherwise touch a letter."""
        text = ""
        for part in parts:
            if not part:
                continue
            marked = part.startswith(("``", ":c:", ":cpp:", ":doc:"))
            if text and marked and not re.search(r"[\s(\[{'\"/<-]$", text):
                text += "\\ "
            elif text and not marked and text.endswith("`") and not text.endswith("\\`") and not re.match(
                    r"[\s.,:;!?)\]}'\"/>-]|\\", part):
                text += "\\ "
            text += part
        return text

    def blocks(self, comment, scope, own):
        """The comment as a list of reStructuredText lines."""
        lines = [line.rstrip() for line in comment]
        out, contract = [], []
        index = 0

        def is_text(line):
            return line and not line.startswith(" ")

        while index < len(lines):
            line = lines[index]
            if not line:
                index += 1
            elif LABEL.match(line):
                label, text = LABEL.match(line).groups()
                index += 1
                while index < len(lines) and lines[index] and not LABEL.match(lines[index]) and (
                        lines[index].startswith(" ") or not text):
                    text += " " + lines[index].strip()
                    index += 1
                contract.append((label, text.strip()))
            elif ITEM.match(line) and (line.startswith(" ") or not out or lines[index - 1] == ""):
                indent, number, text = ITEM.match(line).groups()
                index += 1
                while index < len(lines) and lines[index] and not ITEM.match(lines[index]) and (
                        lines[index].startswith(" " * len(indent)) and (len(indent) > 0 or lines[index].startswith(" "))):
                    text += " " + lines[index].strip()
                    index += 1
                if out and not out[-1].startswith(("- ", "%s. " % (int(number) - 1 if number else ""))):
                    if out[-1] != "":
                        out.append("")
                out.append("%s %s" % (number + "." if number else "-", self.inline(text, scope, own)))
            elif line.startswith(" "):
                literal = []
                while index < len(lines) and (lines[index].startswith(" ") or not lines[index] and any(
                        following.startswith("  ") and not LABEL.match(following) for following in lines[index + 1: index + 2])):
                    if LABEL.match(lines[index]):
                        break
                    literal.append(lines[index])
                    index += 1
                code = textwrap.dedent("\n".join(literal)).splitlines()
                language = language_of(code, self.header.is_c)
                out += ["", ".. code-block:: " + language, ""] + ["   " + each for each in code] + [""]
            else:
                text = line
                index += 1
                while index < len(lines) and is_text(lines[index]):
                    text += " " + lines[index].strip()
                    index += 1
                out += ["", self.inline(text, scope, own), ""]
        if contract:
            out += ["", ".. container:: contract", ""]
            for label, text in contract:
                out.append("   :%s: %s" % (label, self.inline(text, scope, own)))
            out.append("")
        return out

    # ............................................................................................... declarations

    def directive(self, entity):
        if entity.header.is_c:
            return {"function": "c:function", "define": "c:macro", "enum": "c:enum", "enumerator": "c:enumerator",
                    "struct": "c:struct", "typedef": "c:type", "variable": "c:member" if "::" in entity.qualified else "c:var",
                    "class": "c:struct"}[entity.kind]
        if entity.kind == "enum":
            return "cpp:enum-class" if entity.is_class else "cpp:enum"
        return {"function": "cpp:function", "define": "c:macro", "enumerator": "cpp:enumerator", "struct": "cpp:struct",
                "class": "cpp:class", "typedef": "cpp:type", "variable": "cpp:var"}[entity.kind]

    def declaration(self, entity, indent, scope):
        pad = "   " * indent
        # At the top of a page the namespace is written, so that what is searched for is what is typed.
        prefix = "" if entity.header.is_c or indent or entity.kind == "define" else "haft::"
        name = ".. %s:: " % self.directive(entity)
        signatures = [self.qualify(each, prefix) for each in [entity] + entity.more]
        self.out += ["", pad + name + signatures[0]]
        self.out += [pad + " " * len(name) + signature for signature in signatures[1:]]
        self.out.append("")
        own = {each.name for each in [entity] + entity.more}
        inner = scope if entity.kind not in ("class", "struct", "enum") else entity.qualified
        comment = entity.comment
        if not comment and entity.header.is_c and entity.name.startswith("haft_table_"):
            plain = "haft_" + entity.name.removeprefix("haft_table_")
            if plain in self.reference.known:
                self.out += [pad + "   As %s, in ``table``." % self.role(self.reference.known[plain], plain), ""]
        elif not comment and not entity.has_section and entity.kind != "define" and indent == 0:
            self.errors.append("%s:%d: %s has no comment" % (entity.header.name, entity.line + 1, entity.qualified))
        for line in self.blocks(comment, inner, own):
            self.out.append(pad + "   " + line if line else "")
        if entity.kind in ("class", "struct"):
            self.overview(entity.children, pad + "   ", entity.name)
        for child in entity.children:
            self.declaration(child, indent + 1, inner)

    def overview(self, entities, pad, owner=""):
        """A line of links to the functions and classes among `entities`, if there are many."""
        links = []
        for entity in entities:
            for each in [entity] + entity.more:
                if each.kind in ("function", "class", "struct", "enum") and each.name not in ("~" + owner, owner) and (
                        not each.name.startswith("operator")):
                    link = self.role(each, each.name)
                    if link not in links:
                        links.append(link)
        if len(links) > 3:
            self.out += ["", pad + ".. container:: overview", "", pad + "   " + " ".join(links), ""]

    @staticmethod
    def qualify(entity, prefix):
        if not prefix:
            return entity.signature
        # The name of a function is followed by its parameters; a type before it may have the same one.
        end = "(?=\\()" if entity.kind == "function" else "(?!\\w)"
        return re.sub(r"(?<![\w:])%s%s" % (re.escape(entity.name), end), prefix + entity.name, entity.signature, count=1)

    def heading(self, text, mark):
        self.out += ["", escape(text), mark * max(len(text) + text.count("_"), 4), ""]

    def page(self):
        header = self.header
        lines = header.lines
        self.heading("haft/" + header.name, "=")
        self.out += [".. code-block:: " + ("c" if header.is_c else "cpp"), "", "   #include <haft/%s>" % header.name, ""]
        self.out += [":doc:`The header itself </tree/lib/haft/%s>`" % header.name.replace(".", "_"), ""]
        end = 0
        while end < len(lines) and lines[end].is_comment:
            end += 1
        self.out += self.blocks([line.comment for line in lines[:end]], "" if header.is_c else "haft", set())

        # What stands between the declarations: sections, and comments that belong to no declaration.
        pieces = [(entity.first, entity) for entity in self.entities]
        index = end
        while index < len(lines):
            if not lines[index].is_comment or lines[index].column != 0 or header.is_continuation(index):
                index += 1
                continue
            start = index
            while index < len(lines) and lines[index].is_comment:
                index += 1
            is_section = lines[start].comment.startswith("---")
            if is_section or index < len(lines) and lines[index].is_blank:
                pieces.append((start, [line.comment for line in lines[start:index]]))
        pieces.sort(key=lambda piece: piece[0])
        has_sections = any(not isinstance(piece, Entity) and piece[0].startswith("---") for _, piece in pieces)
        scope = "" if header.is_c else "haft"
        if not has_sections:
            self.overview(self.entities, "")
        for number, (_, piece) in enumerate(pieces):
            if isinstance(piece, Entity):
                # Headings make the contents of the page.
                if not has_sections and piece.kind in ("class", "struct") and len(self.entities) > 1:
                    self.heading(piece.name, "-")
                self.declaration(piece, 0, scope)
                continue
            is_section = piece[0].startswith("---")
            if is_section:
                self.heading(piece[0].strip("- "), "-")
                piece = piece[1:]
            self.out += self.blocks(piece, scope, set())
            if is_section:
                following = []
                for _, entity in pieces[number + 1:]:
                    if not isinstance(entity, Entity):
                        if entity[0].startswith("---"):
                            break
                        continue
                    following.append(entity)
                self.overview(following, "")
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self.out)).strip() + "\n"


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    folder, xml, out = sys.argv[1:]
    headers = [Header(os.path.join(folder, name)) for name in sorted(os.listdir(folder)) if name.endswith(".h")]
    reference = Reference(headers, xml)
    reference.load()
    errors = []
    for header in headers:
        reference.pages[header.name] = reference.document(reference.pages[header.name])
    os.makedirs(out, exist_ok=True)
    for header in headers:
        writer = Writer(reference, header, reference.pages[header.name])
        text = writer.page()
        errors += writer.errors
        with open(os.path.join(out, header.name[:-2] + ".rst"), "w", encoding="utf-8") as page:
            page.write(text)
    for error in errors:
        print("lib/haft/" + error, file=sys.stderr)
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
