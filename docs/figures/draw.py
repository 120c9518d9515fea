#!/usr/bin/env python3
"""Draws the figures of the documents.

    draw.py             writes docs/figures/*.svg
    draw.py --check     exit 1 if a figure differs from what is drawn, or if a number in one differs from the headers

Every number that a figure shows is in NUMBERS or computed here by the formulas of handle_layout.h and slot_state.h.
The check compiles a program that asks the headers for the same numbers (compiler: $CXX, else g++).
"""

import os
import subprocess
import sys
import tempfile
from xml.sax.saxutils import escape

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

# ----------------------------------------------------------------------------------------------------------- Numbers

# Of the process's table, of the caches and of the layouts, as (marker, generation bits, index bits).
NUMBERS = {"capacity": 1 << 22, "threads": 512, "magazine": 128, "stranded": 3 * 512}
LAYOUTS = {"Layout64": (1 << 62, 35, 26), "Layout53": (0, 26, 26), "Layout32": (0, 15, 16)}
EXAMPLE = (0, 2, 3)  # the layout of the worked example, with 8 slots
EXAMPLE_SLOT = 5


class Layout:
    """HandleLayout and SlotState."""

    def __init__(self, marker, generation_bits, index_bits):
        self.marker = marker
        self.generation_bits = generation_bits
        self.index_bits = index_bits
        self.slots = 1 << index_bits
        self.generation_shift = 1 + index_bits
        self.end = self.generation_shift + generation_bits

    def make(self, generation, index):
        return self.marker | generation << self.generation_shift | index << 1 | 1

    def next(self, handle):
        return handle + (1 << self.generation_shift)

    def free(self, following):
        return following ^ 1 << 1

    def mark(self, handle, bits):
        return handle ^ bits << 1 ^ 1

    def exhausted(self, last):
        return self.mark(last, 1)

    def retired(self, handle):
        return self.mark(handle, 2)

    def deferred(self, handle):
        return self.mark(handle, 3)

    def destroying(self, handle):
        return self.mark(handle, 4)

    def frozen(self, handle, ticket):
        return self.mark(handle, 5 + ticket % (self.slots - 5) + ticket // (self.slots - 5) * self.slots)


def example_words():
    """(state, word, what has happened) of the worked example, in the order of the slot's life."""
    layout = Layout(*EXAMPLE)
    first = layout.make(1, EXAMPLE_SLOT)
    second = layout.next(first)
    third = layout.next(second)
    return [
        ("untouched", 0, "the table is new"),
        ("live", first, "New returns h"),
        ("free", layout.free(second), "Delete(h): next(h) with its lowest index bit flipped"),
        ("live", second, "New returns h' = next(h)"),
        ("frozen", layout.frozen(second, 0), "a conditional delete of h' looks for pins"),
        ("live", second, "it finds one: cancelled"),
        ("free", layout.free(third), "Delete(h'): ended at once; then it looks"),
        ("deferred", layout.deferred(second), "a read scope may use the object"),
        ("retired", layout.retired(second), "no scope is left, but a pin"),
        ("destroying", layout.destroying(second), "the last unpin runs the destructor"),
        ("free", layout.free(third), "the object is gone"),
        ("live", third, "New returns h'' = next(h')"),
        ("exhausted", layout.exhausted(third), "Delete(h''): no generation is left"),
    ]


PROGRAM = r"""
#include <cstdio>
#include "haft/handle_layout.h"
#include "haft/magazine_free_list.h"
#if __has_include("haft/internal/slot/slot_state.h")
#include "haft/internal/slot/slot_state.h"
#else
#include "haft/internal/slot/slot_array.h"
#endif

template <typename Layout>
void Print(const char* name) {
  std::printf("%s %llx %u %u %u %u\n", name, (unsigned long long)Layout::kFixed, Layout::Generation::kWidth,
              Layout::Generation::kShift, Layout::Index::kWidth, Layout::Index::kShift);
}

int main() {
  Print<haft::Layout64<>>("Layout64");
  Print<haft::Layout53<>>("Layout53");
  Print<haft::Layout32<>>("Layout32");

  using Layout = haft::HandleLayout<3, 2>;
  using State = haft::internal::SlotState<Layout>;
  using haft::Word;
  const Word h = Layout::Make(1, 5), second = State::Next(h), third = State::Next(second);
  const Word words[] = {h, second, third, State::Free(second), State::Free(third), State::Exhausted(third),
                        State::Retired(second), State::Deferred(second), State::Destroying(second),
                        State::Frozen(second, 0, Layout::kSlots)};
  std::printf("example %d %d", (int)(Layout::FirstHandle(0) == Layout::Make(1, 0)),
              (int)State::IsExhausted(State::Next(third)));
  for (const Word word : words) std::printf(" %llx", (unsigned long long)word);

  const std::size_t capacity = std::size_t{1} << 22;
  std::printf("\nstranded %zu\n", haft::MagazineFreeList::SlotsFor(capacity, haft::Layout64<>::kSlots) - capacity);
  std::printf("threads %u\n", haft::internal::sync::kMaxCaches);
}
"""


def numbers():
    lines = []
    for name, fields in LAYOUTS.items():
        layout = Layout(*fields)
        lines.append("%s %x %d %d %d %d" % (name, layout.marker | 1, layout.generation_bits, layout.generation_shift,
                                            layout.index_bits, 1))
    layout = Layout(*EXAMPLE)
    first = layout.make(1, EXAMPLE_SLOT)
    second = layout.next(first)
    third = layout.next(second)
    words = [first, second, third, layout.free(second), layout.free(third), layout.exhausted(third),
             layout.retired(second), layout.deferred(second), layout.destroying(second), layout.frozen(second, 0)]
    lines.append("example 1 1 " + " ".join("%x" % word for word in words))
    lines.append("stranded %d" % (NUMBERS["stranded"] * NUMBERS["magazine"]))
    lines.append("threads %d" % NUMBERS["threads"])
    return lines


# ----------------------------------------------------------------------------------------------------------- Drawing

# A figure has its own ground, so that it can be read on a page of any colour; both follow the reader's preference.
STYLE = """
  .ground { fill: #ffffff; stroke: #d0d7de; }
  text { fill: #1f2328; font-family: "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; font-size: 13px; }
  .small { font-size: 11px; fill: #57606a; }
  .title { font-weight: bold; font-size: 14px; }
  .word { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 13px; }
  .line { stroke: #57606a; fill: none; stroke-width: 1.4; }
  .thick { stroke: #1f2328; fill: none; stroke-width: 2.4; }
  .dash { stroke: #8c959f; fill: none; stroke-width: 1.2; stroke-dasharray: 5 4; }
  .head { fill: #57606a; }
  .thickhead { fill: #1f2328; }
  .box { stroke: #57606a; stroke-width: 1.2; }
  .grey { fill: #eaeef2; }
  .blue { fill: #cfe6ff; }
  .green { fill: #cdf0d3; }
  .yellow { fill: #fdf0bd; }
  .red { fill: #ffd9d4; }
  .violet { fill: #e6dcff; }
  .none { fill: none; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #161b22; stroke: #30363d; }
    text { fill: #e6edf3; }
    .small { fill: #9da7b3; }
    .line, .box { stroke: #9da7b3; }
    .thick { stroke: #e6edf3; }
    .dash { stroke: #6e7681; }
    .head { fill: #9da7b3; }
    .thickhead { fill: #e6edf3; }
    .grey { fill: #2d333b; }
    .blue { fill: #17406d; }
    .green { fill: #1c4f2a; }
    .yellow { fill: #574a12; }
    .red { fill: #6b2520; }
    .violet { fill: #43306f; }
    .none { fill: none; }
  }
"""


def number(value):
    return ("%.1f" % value).rstrip("0").rstrip(".")


class Figure:
    def __init__(self, name, title, description, width, height):
        self.name = name
        self.parts = [
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" '
            'aria-labelledby="title desc">' % (width, height, width, height),
            '<title id="title">%s</title>' % escape(title),
            '<desc id="desc">%s</desc>' % escape(description),
            "<style>%s</style>" % STYLE,
            "<defs>",
            '<marker id="head" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto" '
            'markerUnits="userSpaceOnUse"><path class="head" d="M0,0 L9,4 L0,8 z"/></marker>',
            '<marker id="thickhead" markerWidth="11" markerHeight="10" refX="10" refY="5" orient="auto" '
            'markerUnits="userSpaceOnUse"><path class="thickhead" d="M0,0 L11,5 L0,10 z"/></marker>',
            "</defs>",
            '<rect class="ground" x="0.5" y="0.5" width="%d" height="%d" rx="8"/>' % (width - 1, height - 1),
        ]

    def add(self, part):
        self.parts.append(part)

    def text(self, x, y, text, kind="", anchor="start"):
        self.add('<text x="%s" y="%s"%s%s>%s</text>' % (
            number(x), number(y), ' class="%s"' % kind if kind else "",
            ' text-anchor="%s"' % anchor if anchor != "start" else "", escape(text)))

    def lines(self, x, y, texts, kind="", anchor="start", step=None):
        step = step or (15 if kind == "small" else 18)
        for index, text in enumerate(texts):
            self.text(x, y + index * step, text, kind, anchor)

    def rect(self, x, y, width, height, fill, radius=4, kind="box"):
        self.add('<rect class="%s %s" x="%s" y="%s" width="%s" height="%s" rx="%s"/>' % (
            kind, fill, number(x), number(y), number(width), number(height), radius))

    def box(self, x, y, width, height, fill, texts, kinds=None):
        """A rectangle with centred lines of text."""
        self.rect(x, y, width, height, fill)
        kinds = kinds or [""] + ["small"] * (len(texts) - 1)
        top = y + height / 2 - (len(texts) - 1) * 8 + 4.5
        for index, text in enumerate(texts):
            self.text(x + width / 2, top + index * 16, text, kinds[index], "middle")

    def path(self, points, kind="line", arrow=True):
        """Straight lines through points; a string is used as it is."""
        data = points if isinstance(points, str) else "M" + " L".join("%s,%s" % (number(x), number(y)) for x, y in points)
        head = ' marker-end="url(#%s)"' % ("thickhead" if kind == "thick" else "head") if arrow else ""
        self.add('<path class="%s" d="%s"%s/>' % (kind, data, head))

    def svg(self):
        return "\n".join(self.parts + ["</svg>"]) + "\n"


def handle_bits():
    figure = Figure("handle_bits", "The bits of a handle",
                    "Three layouts of a handle within a 64-bit word. Layout64: bit 63 is 0, bit 62 is 1, then the "
                    "generation in 35 bits, the index in 26 bits and a 1. Layout53: generation 26 bits, index 26 bits "
                    "and a 1. Layout32: generation 15 bits, index 16 bits and a 1.", 760, 357)
    left, right, one = 24, 736, 20
    scale = (right - left - one * 3) / 61  # of a bit, where the single bits have more room

    def x_of(bit):
        """The left edge of bit `bit`."""
        if bit >= 62:
            return left + (63 - bit) * one
        if bit == 0:
            return right - one
        return left + 2 * one + (61 - bit) * scale

    notes = {
        "Layout64": ("Layout64, the default", "positive as a signed integer, and no address: bits 63 and 62 are 01"),
        "Layout53": ("Layout53", "a JavaScript number holds it exactly"),
        "Layout32": ("Layout32", "the default where a word has 32 bits; fits any 32-bit integer"),
    }
    y = 34
    for name, fields in LAYOUTS.items():
        layout = Layout(*fields)
        title, note = notes[name]
        figure.text(left, y, title, "title")
        figure.text(right, y, note, "small", "end")
        top, height = y + 28, 34
        for bit in [63] + ([62] if layout.marker else []) + [layout.end - 1, layout.generation_shift - 1, 0]:
            at = x_of(bit) + (one / 2 if bit in (63, 62, 0) else 11)
            figure.text(at, top - 5, str(bit), "small", "middle")
        if layout.marker:
            figure.box(x_of(63), top, one, height, "grey", ["0"])
            figure.box(x_of(62), top, one, height, "grey", ["1"])
        else:
            figure.box(left, top, x_of(layout.end - 1) - left, height, "none", ["0"])
        edge, middle = x_of(layout.end - 1), x_of(layout.generation_shift - 1)
        figure.box(edge, top, middle - edge, height, "yellow", ["generation: %d bits" % layout.generation_bits])
        figure.box(middle, top, x_of(0) - middle, height, "blue", ["index: %d bits" % layout.index_bits])
        figure.box(x_of(0), top, one, height, "grey", ["1"])
        y += 90
    figure.lines(left, y + 8, [
        "Bit 0 is set in every handle: no handle is the address of an aligned object, and 0 is the null handle.",
        "A generation is at least 1, and that of a slot grows by 1 with each Delete. So no handle is issued twice, unless",
        "the table's Traits let generations start over.",
    ], "small")
    return figure


def slot_states():
    figure = Figure("slot_states", "The states of a slot in both tables",
                    "Untouched to live by New. Live to free, or to exhausted for the last generation, by Delete. Free to "
                    "live by New. An ObjectTable adds: live to frozen when a conditional delete begins, and back when it "
                    "is cancelled or a pin comes; frozen to ended when it commits or another Delete comes; ended to "
                    "deferred while a read scope may use the object, or to retired while it is pinned; deferred to "
                    "another scope, to retired or to destroying when the scope ends; retired to destroying by the last "
                    "unpin; destroying to ended when the destructor has returned.", 800, 640)
    # HandleTable.
    figure.text(24, 30, "HandleTable and ObjectTable", "title")
    figure.box(24, 75, 120, 48, "grey", ["untouched", "0"])
    figure.box(290, 75, 130, 48, "green", ["live", "h"])
    figure.rect(560, 40, 216, 176, "none", 8, "dash")
    figure.text(764, 58, "the handle has ended", "small", "end")
    figure.box(576, 75, 184, 48, "blue", ["free", "next(h), index bit flipped"])
    figure.box(576, 150, 184, 48, "red", ["exhausted", "h marked 1"])
    figure.path([(144, 99), (290, 99)])
    figure.text(217, 91, "New", "", "middle")
    figure.text(217, 117, "a fresh slot", "small", "middle")
    figure.path([(420, 108), (576, 108)], "thick")
    figure.text(490, 125, "Delete", "", "middle")
    figure.path("M600,75 C560,14 400,14 370,75")
    figure.text(485, 25, "New publishes next(h)", "", "middle")
    figure.path([(405, 123), (576, 172)], "thick")
    figure.lines(412, 176, ["Delete of the last", "generation"])

    # ObjectTable.
    figure.path([(16, 246), (784, 246)], "dash", False)
    figure.text(24, 270, "ObjectTable adds", "title")
    figure.box(290, 300, 130, 48, "green", ["frozen", "h marked 5 or more"])
    figure.path([(330, 123), (330, 300)], "thick")
    figure.text(322, 212, "BeginConditionalDelete", "", "end")
    figure.text(322, 229, "of DeleteUnlessPinned and Take", "small", "end")
    figure.path([(380, 300), (380, 123)], "thick")
    figure.lines(388, 222, ["Cancel,", "or a pin"])
    figure.path([(420, 324), (500, 324), (590, 216)], "thick")
    figure.lines(428, 342, ["Commit,", "or a Delete"])
    figure.box(395, 440, 140, 48, "violet", ["deferred", "h marked 3"])
    figure.box(636, 440, 140, 48, "yellow", ["retired", "h marked 2"])
    figure.box(520, 560, 150, 48, "red", ["destroying", "h marked 4"])
    figure.path([(640, 216), (640, 330), (500, 440)])
    figure.lines(628, 292, ["a read scope", "may use it"], "", "end")
    figure.path([(706, 216), (706, 440)])
    figure.lines(714, 320, ["only pins", "use it"])
    figure.path([(535, 458), (636, 458)])
    figure.lines(585, 436, ["the last scope", "ends; pinned"], "small", "middle")
    figure.path("M430,488 C430,528 372,528 395,474")
    figure.lines(362, 510, ["a scope ends:", "handed to the next"], "small", "end")
    figure.path([(490, 488), (550, 560)])
    figure.lines(507, 532, ["the last scope", "ends; no pin"], "small", "end")
    figure.path([(706, 488), (640, 560)], "thick")
    figure.lines(690, 514, ["the last unpin, or", "the deleter's", "second look"], "small")
    figure.path([(670, 590), (790, 590), (790, 182), (776, 182)])
    figure.text(680, 608, "destroyed", "", "start")

    figure.lines(24, 372, [
        "Thick arrows are compare-and-swaps,",
        "thin ones plain stores of the slot's owner.",
    ], "small")
    figure.lines(24, 416, [
        "\u201cMarked n\u201d: n is XORed into the index bits,",
        "and the lowest bit is cleared. Free: 1 is XORed",
        "into the index bits of next(h). So no word of a",
        "slot but a live one selects that slot.",
    ], "small")
    figure.lines(24, 540, [
        "A Delete ends the handle first. If nothing uses the",
        "object, it destroys the object in the state free (or",
        "exhausted); else the owner of the slot stores",
        "deferred or retired. Not before the object is gone",
        "does next(h) go to the free list.",
    ], "small")
    return figure


def pin_and_delete():
    figure = Figure("pin_against_delete", "A pin against a Delete",
                    "Two schedules. On the left the pin's look [O2] comes before the Delete's end [O3]: the pin holds, "
                    "and the Delete's look [P6] finds the cell, so the last unpin destroys. On the right [O3] comes "
                    "before [O2]: the pin finds that the handle has ended, and lets go.", 800, 560)
    figure.lines(24, 30, ["All four steps are seq_cst, so they have one order, in which [P1] is before [O2] and [O3] before [P6].",
                            "If [O2] is before [O3], then [P1] is before [P6]: at least one of the two threads sees the other."])

    def panel(left, title, pin, delete):
        figure.text(left + 180, 84, title, "title", "middle")
        for at, name in ((left + 90, "thread A: Pin(h)"), (left + 270, "thread B: Delete(h)")):
            figure.text(at, 108, name, "", "middle")
            figure.path([(at, 116), (at, 538)], "dash")
        for x, steps in ((left + 8, pin), (left + 188, delete)):
            for y, fill, label, texts in steps:
                figure.box(x, y, 164, 20 + 16 * len(texts), fill, ([label + " " + texts[0]] if label else texts[:1]) + texts[1:])

    panel(24, "The pin comes first", [
        (126, "blue", "[P1]", ["cell = h", "publishes the handle"]),
        (200, "blue", "[O2]", ["state == h", "the object is pinned"]),
        (400, "grey", "", ["uses the object"]),
        (470, "green", "[P7]", ["cell = 0", "sees retired:", "destroys"]),
    ], [
        (262, "yellow", "[O3]", ["state: h \u2192 free", "the handle has ended"]),
        (330, "yellow", "[P6]", ["cell == h", "somebody uses it"]),
        (400, "yellow", "[O5]", ["state = retired", "leaves it to the pins"]),
    ])
    panel(416, "The Delete comes first", [
        (262, "blue", "[P1]", ["cell = h", "publishes the handle"]),
        (330, "blue", "[O2]", ["state != h", "the handle has ended"]),
        (400, "grey", "[P7]", ["cell = 0", "Pin: stale"]),
    ], [
        (126, "yellow", "[O3]", ["state: h \u2192 free", "the handle has ended"]),
        (200, "yellow", "[P6]", ["cell == 0", "nobody uses it"]),
        (270, "green", "", ["destroys the object", "and frees the slot"]),
    ])
    figure.path([(400, 70), (400, 545)], "dash", False)
    return figure


def free_list():
    figure = Figure("free_list_levels", "The three levels of the free list",
                    "Each thread's cache has two magazines of 128 handles, which New pops from and Delete pushes to. A "
                    "thread exchanges whole magazines with the depot. Beside the depot is a stack of single handles for "
                    "callers without a cache. Fresh slots are taken by advancing the high-water mark.", 800, 600)

    def magazine(x, y, filled, label):
        figure.rect(x, y, 70, 84, "none")
        height = 84 * filled
        if filled:
            figure.rect(x, y + 84 - height, 70, height, "blue")
        figure.text(x + 35, y + 100, label, "small", "middle")

    figure.text(24, 30, "1. The cache of each thread", "title")
    figure.text(24, 48, "two magazines of 128 handles; plain loads and stores", "small")
    for x, name, loaded, previous in ((24, "thread 1", 0.6, 1), (254, "thread 2", 0.25, 0)):
        figure.rect(x, 62, 206, 160, "none", 8, "dash")
        figure.text(x + 196, 80, name, "small", "end")
        magazine(x + 20, 106, loaded, "loaded")
        magazine(x + 116, 106, previous, "previous")
        level = 106 + 84 * (1 - loaded)
        figure.path([(x + 36, level + 3), (x + 36, 86)])
        figure.path([(x + 74, 86), (x + 74, level - 2)])
        figure.text(x + 36, 80, "New", "small", "middle")
        figure.text(x + 78, 80, "Delete", "small", "middle")
    figure.lines(474, 80, ["loaded holds 0 to 128", "handles, previous is", "full or empty."], "small")
    figure.box(608, 62, 168, 92, "grey", ["uncached caller", "a thread without a cache,", "or a signal handler inside", "its own thread's call"])

    figure.path([(100, 222), (100, 282)])
    figure.path([(140, 282), (140, 222)])
    figure.lines(152, 244, ["whole magazines"], "small")
    figure.path([(670, 154), (670, 282)])
    figure.path([(710, 282), (710, 154)])
    figure.text(662, 222, "Delete", "small", "end")
    figure.text(718, 222, "New", "small")

    figure.text(160, 272, "2. The depot, and single handles", "title")
    figure.rect(24, 282, 436, 122, "none", 8, "dash")
    figure.text(36, 300, "The depot: full magazines", "small")
    figure.text(270, 300, "and empty ones", "small")
    for index in range(3):
        figure.rect(40 + index * 62, 310, 50, 60, "blue")
    for index in range(3):
        figure.rect(274 + index * 58, 310, 50, 60, "none")
    figure.text(36, 392, "Both are stacks, in 16 stripes that are chosen by the cache's number.", "small")
    figure.rect(560, 282, 216, 122, "none", 8, "dash")
    figure.text(572, 300, "A stack of single handles", "small")
    for index in range(6):
        figure.rect(578 + index * 31, 314, 24, 24, "blue")
    figure.lines(572, 366, ["One at a time, so that an", "uncached caller strands none."], "small")
    figure.path([(460, 342), (560, 342)])
    figure.lines(510, 302, ["when nothing", "else is left:"], "small", "middle")
    figure.lines(510, 362, ["a full one", "is broken up"], "small", "middle")

    figure.text(24, 444, "3. Fresh slots", "title")
    figure.rect(24, 456, 330, 40, "green")
    figure.rect(354, 456, 422, 40, "grey")
    figure.text(189, 481, "taken before", "", "middle")
    figure.text(565, 481, "never used: their memory is not touched", "", "middle")
    figure.path([(354, 518), (354, 498)])
    figure.text(354, 534, "the high-water mark, which FreshSlots::Take advances", "small", "middle")
    figure.path([(250, 456), (250, 404)])
    figure.text(260, 434, "up to 128", "small")
    figure.path([(670, 456), (670, 404)])
    figure.text(680, 434, "one", "small")
    figure.lines(24, 566, [
        "Arrows show where handles go. A thread whose magazines are empty takes a full magazine, else a single handle, else fresh",
        "slots. An uncached caller takes a single handle, else a fresh slot, else a full magazine, of which it keeps one handle."],
        "small")
    return figure


def go_to_cpp():
    figure = Figure("path_of_a_handle", "The path of a handle from Go through C to C++ and back",
                    "Go makes a handle of a listener and subscribes it. C turns the handle into a void pointer and gives "
                    "it to the C++ library, which stores it. Later C++ calls back with the pointer; C turns it into the "
                    "handle, pins it and enters Go, or returns HAFT_STALE without entering Go.", 800, 560)
    lanes = [("Go", 24, "green"), ("C: the binding", 286, "yellow"), ("C++: the library", 548, "blue")]
    for name, x, fill in lanes:
        figure.rect(x, 16, 228, 28, fill)
        figure.text(x + 114, 35, name, "title", "middle")
        figure.path([(x + 114, 44), (x + 114, 512)], "dash", False)

    def step(lane, y, texts, height=None):
        _, x, fill = lanes[lane]
        figure.box(x, y, 228, height or 18 + 16 * len(texts), fill, texts)

    def arrow(start, end, y, text):
        x = {(0, 1): (252, 286), (1, 2): (514, 548), (2, 1): (548, 514), (1, 0): (286, 252)}[start, end]
        figure.path([(x[0], y), (x[1], y)], "thick")
        if text:
            figure.text((x[0] + x[1]) / 2, y - 8, text, "small", "middle")

    step(0, 58, ["h = haft.NewHandle(listener)", "the table keeps a number;", "the Go value stays in Go"])
    step(0, 136, ["widget.Subscribe(h)", "both are uintptr_t: C holds", "no pointer of Go's"])
    arrow(0, 1, 163, "w, h")
    step(1, 136, ["user_data = haft_to_pointer(h)", "the word as a void *;", "nobody dereferences it"])
    arrow(1, 2, 163, "")
    step(2, 136, ["haft::Pin<Widget>(w)", "w is checked; callback and", "user_data are stored"])
    figure.path([(16, 222), (784, 222)], "dash", False)
    figure.text(24, 240, "later, on any thread", "small")
    step(2, 254, ["callback(user_data, sum)", "of any age: the library does", "not know what it is"])
    arrow(2, 1, 281, "")
    step(1, 254, ["h = haft_from_pointer(user_data)", "haft_pin_object(h, \u2026, &pin, \u2026)", "checks h, and keeps what it finds"])
    figure.path([(400, 320), (400, 352)], "thick")
    figure.text(408, 341, "HAFT_OK", "small")
    step(1, 352, ["widgetGoCall(number, sum)", "the pin keeps the listener", "for as long as this takes"])
    arrow(1, 0, 379, "")
    step(0, 352, ["listener(sum)", "may delete h meanwhile"], 66)
    step(1, 452, ["haft_unpin(&pin)", "destroys if h was deleted"])
    figure.path([(400, 418), (400, 452)], "thick")
    figure.path([(514, 302), (532, 302), (532, 480), (548, 480)], "thick")
    figure.text(536, 440, "HAFT_STALE", "small")
    step(2, 452, ["forgets the callback", "Go is not entered"])
    step(0, 452, ["h.Delete()", "from any goroutine, at any time"])
    figure.text(24, 536, "Here w and h are handles of one table: w of a C++ object, h of a Go value.", "small")
    return figure


def capacity():
    threads, size = NUMBERS["threads"], NUMBERS["magazine"]
    reserve = NUMBERS["stranded"] * size
    figure = Figure("capacity", "The slots of a table, and what is in them",
                    "A table has slots for its capacity and a reserve of 196,608 more. Live handles, handles cached in "
                    "magazines, handles in the hands of uncached callers, and free ones make up all of them. What is "
                    "cached or in hands is at most the reserve, so while fewer than the capacity are live, one is free.",
                    760, 372)
    left, right, split = 24, 736, 536
    figure.text(left, 30, "All slots: the capacity and a reserve", "title")
    figure.rect(left, 44, split - left, 36, "grey")
    figure.rect(split, 44, right - split, 36, "violet")
    figure.text((left + split) / 2, 67, "capacity", "", "middle")
    figure.text((split + right) / 2, 67, "reserve: {:,}".format(reserve), "", "middle")
    figure.text(right, 97, "3 \u00d7 {} threads \u00d7 {} handles".format(threads, size), "small", "end")

    figure.text(left, 132, "At some moment", "title")
    edges = [left, 330, 420, 470, right]
    for index, (fill, texts) in enumerate([
            ("green", ["live"]), ("blue", ["cached"]), ("yellow", ["in hand"]), ("grey", ["free"])]):
        figure.box(edges[index], 146, edges[index + 1] - edges[index], 36, fill, texts,
                   ["small" if texts[0] == "in hand" else ""])
    figure.lines(330, 200, ["in threads'", "magazines"], "small")
    figure.lines(420, 200, ["of uncached callers that", "break up a magazine"], "small")
    figure.text(right, 200, "depot, singles, fresh slots", "small", "end")

    figure.text(left, 252, "At the worst moment: New still finds a slot until the capacity is reached", "title")
    edges = [left, split - 28, split, split + (right - split) * 2 / 3, right]
    for index, (fill, text) in enumerate([("green", "live: capacity \u2212 1"), ("grey", "1"), ("blue", "cached"),
                                          ("yellow", "in hand")]):
        figure.box(edges[index], 266, edges[index + 1] - edges[index], 36, fill, [text])
    figure.lines(edges[2], 320, ["2 \u00d7 {} \u00d7 {}".format(threads, size), "= {:,}".format(2 * threads * size)], "small")
    figure.lines(edges[3], 320, ["{} \u00d7 {}".format(threads, size), "= {:,}".format(threads * size)], "small")
    figure.lines(left, 322, ["When less is cached, more handles than the capacity may be live: up to all slots.",
                             "An exhausted slot is lost, and lowers the capacity by 1."], "small")
    return figure


def read_scope():
    figure = Figure("deferred_objects", "A scope's deferred objects over time",
                    "A read scope of thread A lasts from 2 to 12, another one of thread B from 5 to 15. Objects that A has "
                    "used and that are deleted during the scope are deferred until it ends. One is then handed to B's "
                    "scope, one is retired because it is pinned. Objects deleted before the scope, or never used by its "
                    "thread, are destroyed at once.", 800, 520)
    left, unit = 190, 36

    def x(time):
        return left + time * unit

    figure.text(24, 30, "Read scopes", "title")
    for y, name, start, end in ((42, "thread A", 2, 12), (74, "thread B", 5, 15)):
        figure.text(24, y + 17, name)
        figure.rect(x(start), y, (end - start) * unit, 24, "violet")
        figure.text(x((start + end) / 2), y + 17, "scope of " + name, "", "middle")
    for time in (2, 12, 15):
        figure.path([(x(time), 36), (x(time), 496)], "dash", False)

    figure.text(24, 130, "Objects", "title")
    rows = [
        ("1", "deleted before", 0, 1.2, [], ""),
        ("2", "never used by A or B", 0, 3.4, [], ""),
        ("3", "used by A", 0, 4.2, [("violet", 4.2, 12, "deferred to A")], ""),
        ("4", "used by A and B", 0, 7, [("violet", 7, 12, "deferred to A"), ("violet", 12, 15, "to B")], ""),
        ("5", "used by A, and pinned", 0, 9.4, [("violet", 9.4, 12, "to A"), ("yellow", 12, 13.6, "retired")], ""),
    ]
    y = 144
    for name, note, start, deleted, spans, _ in rows:
        figure.text(24, y + 13, "object " + name)
        figure.text(24, y + 28, note, "small")
        figure.rect(x(start), y + 2, (deleted - start) * unit, 26, "green")
        figure.text(x(start) + 8, y + 20, "live")
        end = deleted
        for fill, begin, end, text in spans:
            figure.rect(x(begin), y + 2, (end - begin) * unit, 26, fill)
            figure.text(x((begin + end) / 2), y + 20, text, "small" if end - begin < 3.5 else "", "middle")
        figure.path([(x(deleted), y - 4), (x(deleted), y + 34)], "thick", False)
        figure.text(x(end) + 6, y + 20, "\u2715", "", "start")
        y += 46
    figure.lines(24, 386, ["\u2503 Delete    \u2715 destroyed"], "small")

    figure.text(24, 416, "Deferred objects", "title")
    base, step = 492, 20
    for count in (0, 1, 2, 3):
        figure.text(left - 10, base - count * step + 4, str(count), "small", "end")
    points = [(0, 0), (4.2, 0), (4.2, 1), (7, 1), (7, 2), (9.4, 2), (9.4, 3), (12, 3), (12, 1), (15, 1), (15, 0), (16.4, 0)]
    figure.path([(x(time), base - count * step) for time, count in points], "thick", False)
    figure.text(x(16.4), base + 18, "time", "small", "end")
    return figure


def example():
    layout = Layout(*EXAMPLE)
    rows = example_words()
    figure = Figure("worked_example", "One slot's life, bit by bit",
                    "Slot %d of a table with 3 index bits and 2 generation bits. %s" % (
                        EXAMPLE_SLOT, " ".join("%s 0x%02x: %s." % row for row in rows)), 800, 98 + 28 * len(rows) + 64)
    figure.text(24, 30, "HandleLayout<3, 2>, slot %d: a word has 2 generation bits, 3 index bits and the lowest bit" % EXAMPLE_SLOT,
                "title")
    figure.lines(24, 52, ["h = 0x%02x, next(h) = h' = 0x%02x, next(h') = h'' = 0x%02x. A word with index %s selects slot %d." % (
        layout.make(1, EXAMPLE_SLOT), layout.make(2, EXAMPLE_SLOT), layout.make(3, EXAMPLE_SLOT),
        format(EXAMPLE_SLOT, "03b"), EXAMPLE_SLOT)])
    columns = [24, 136, 206, 296, 384, 432]
    y = 88
    for column, text in zip(columns, ["state", "word", "generation", "index", "low", "what has happened"]):
        figure.text(column, y, text, "small")
    fills = {"live": "green", "free": "blue", "exhausted": "red", "frozen": "green", "retired": "yellow",
             "deferred": "violet", "destroying": "red", "untouched": "grey"}
    y += 10
    for state, word, text in rows:
        figure.rect(columns[0], y, 92, 22, fills[state])
        figure.text(columns[0] + 46, y + 16, state, "", "middle")
        figure.text(columns[1], y + 16, "0x%02x" % word, "word")
        generation = word >> layout.generation_shift & (1 << layout.generation_bits) - 1
        index = word >> 1 & layout.slots - 1
        for column, value, width, fill in ((2, generation, layout.generation_bits, "yellow"),
                                           (3, index, layout.index_bits, "blue"), (4, word & 1, 1, "grey")):
            for bit in range(width):
                at = columns[column] + bit * 20
                marked = column == 3 and word != 0 and (index ^ EXAMPLE_SLOT) >> (width - 1 - bit) & 1
                figure.rect(at, y, 20, 22, "red" if marked else fill, 0)
                figure.text(at + 10, y + 16, str(value >> (width - 1 - bit) & 1), "word", "middle")
        figure.text(columns[5], y + 16, text)
        y += 28
    figure.lines(24, y + 20, [
        "Red index bits are flipped: the word selects another slot, so it never equals a word that selects slot %d." % EXAMPLE_SLOT,
        "A stale h (0x%02x) is refused by comparison alone: from the first Delete on the slot holds another word." % layout.make(1, EXAMPLE_SLOT),
        "Rows frozen, deferred, retired and destroying exist in an ObjectTable only.",
    ], "small")
    return figure


FIGURES = [handle_bits, slot_states, pin_and_delete, free_list, go_to_cpp, capacity, read_scope, example]

# ------------------------------------------------------------------------------------------------------------- Check


def check():
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        source, binary = os.path.join(folder, "numbers.cc"), os.path.join(folder, "numbers")
        with open(source, "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        subprocess.run([os.environ.get("CXX", "g++"), "-std=c++17", "-I" + os.path.join(ROOT, "lib"), source, "-o", binary,
                        "-pthread"], check=True)
        printed = subprocess.run([binary], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    for drawn, real in zip(numbers(), printed):
        if drawn != real:
            failures.append("the figures say \"%s\", and the headers \"%s\"" % (drawn, real))
    if len(printed) != len(numbers()):
        failures.append("the headers gave %d lines instead of %d" % (len(printed), len(numbers())))
    names = set()
    for draw in FIGURES:
        figure = draw()
        path = os.path.join(HERE, figure.name + ".svg")
        names.add(figure.name + ".svg")
        try:
            with open(path, encoding="utf-8") as file:
                same = file.read() == figure.svg()
        except FileNotFoundError:
            same = False
        if not same:
            failures.append("%s is not what draw.py draws: run it" % os.path.relpath(path, ROOT))
    for name in sorted(os.listdir(HERE)):
        if name.endswith(".svg") and name not in names:
            failures.append("docs/figures/%s is drawn by nothing" % name)
    for failure in failures:
        print("figures: " + failure, file=sys.stderr)
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--check"]:
        return check()
    if len(sys.argv) != 1:
        sys.exit(__doc__)
    for draw in FIGURES:
        figure = draw()
        with open(os.path.join(HERE, figure.name + ".svg"), "w", encoding="utf-8") as file:
            file.write(figure.svg())
    return 0


if __name__ == "__main__":
    sys.exit(main())
