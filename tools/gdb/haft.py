"""Haft for gdb: what a handle means, and what is in a table.

Load it by `source tools/gdb/haft.py`, in ~/.gdbinit for good. To have gdb load
it with a program or library FILE that was built with -g, put it beside that as
FILE-gdb.py and name the folder by `add-auto-load-safe-path FOLDER`.

  haft HANDLE [TABLE]   what HANDLE means in TABLE (a table, a pointer or a
                        unique_ptr to one, a haft_table *), in the process-wide
                        table if none is given
  print HANDLE          the same, for a haft::Handle or haft_handle, of the
                        process's table
  print TABLE           its figures and what is live in it

`print/r` shows a handle or a table as gdb does by itself. Everything is read
from memory and nothing is called, so core files are sufficient. While other
threads run, an answer may be out of date, as everywhere in gdb.

Haft's names stand in an inline namespace that names the ABI version, as in
haft::abi0::Handle. It may be any version; it is left out of what is printed.
"""

import re

import gdb
import gdb.printing

# The states of a slot whose handle has ended (haft::internal::SlotState): the
# lowest bit is clear, and the index differs from the slot's by these bits.
_ENDED = {1: "exhausted", 2: "retired", 3: "deferred", 4: "destroying"}
# In these the object still exists.
_EXISTS = ("retired", "deferred", "destroying")


def _plain(name):
    """A name, or a type, without the inline namespaces of ABI versions."""
    return re.sub(r"\b(haft::(?:internal::)?)abi\d+\w*::", r"\1", str(name))


class _Abis:
    """The ABI namespaces, as "abi0", of which gdb has a process-wide table."""

    names, object_files = [], None

    @classmethod
    def get(cls):
        object_files = [file.filename for file in gdb.objfiles()]
        if cls.object_files != object_files:
            cls.object_files = object_files
            cls.names = sorted(set(re.findall(
                r"haft::internal::(abi\w+)::\(anonymous namespace\)"
                r"::process_table\b",
                gdb.execute("info variables -q ::process_table$",
                            to_string=True))))
        return cls.names


def _field(value, name):
    """The field `name` of `value`, or of a part of it that Haft has made."""
    fields = value.type.strip_typedefs().fields()
    for field in fields:
        if field.name == name:
            return value[field]
    for field in fields:
        type_ = field.type.strip_typedefs()
        if type_.code == gdb.TYPE_CODE_STRUCT and (
                field.is_base_class or field.name in _PARTS):
            found = _field(value[field], name)
            if found is not None:
                return found
    return None


# The members of tables that have the fields we look for.
_PARTS = ("store_", "allocator_")


def _family(value, name):
    """`value` as the template `name` that its type is or derives from."""
    type_ = value.type.strip_typedefs()
    if re.match(r"(const )?%s<" % name, _plain(type_)):
        return value
    if type_.code == gdb.TYPE_CODE_STRUCT:
        for field in type_.fields():
            if field.is_base_class:
                base = _family(value[field], name)
                if base is not None:
                    return base
    return None


def _layout_type(type_):
    """The haft::HandleLayout<...> that `type_` is or derives from."""
    type_ = type_.strip_typedefs()
    while not _plain(type_).startswith("haft::HandleLayout<"):
        type_ = [f for f in type_.fields() if f.is_base_class][0].type
        type_ = type_.strip_typedefs()
    return type_


def _word_type():
    return gdb.lookup_type("unsigned long")


def _word(atomic):
    """The value of a std::atomic of one word, in any standard library."""
    return int(atomic.address.cast(_word_type().pointer()).dereference())


class Layout:
    """The bit fields of a handle."""

    def __init__(self, type_):
        arguments = [int(type_.template_argument(i)) for i in range(3)]
        self.index_bits, self.generation_bits, marker = arguments
        self.index_mask = (1 << self.index_bits) - 1
        self.generation_max = (1 << self.generation_bits) - 1
        self.fixed = marker | 1

    def index(self, word):
        return word >> 1 & self.index_mask

    def generation(self, word):
        return word >> (1 + self.index_bits) & self.generation_max

    def make(self, generation, index):
        return self.fixed | generation << (1 + self.index_bits) | index << 1

    def read_compact(self, word, index):
        """The state of a slot that has the word (CompactSlot)."""
        generation = word & self.generation_max
        if generation != 0:
            return self.make(generation, index)
        next_ = word >> self.generation_bits
        if next_ > self.generation_max:
            return self.make(self.generation_max, index) ^ 2 ^ 1  # exhausted
        return self.make(next_, index) ^ 2 if next_ != 0 else 0

    def is_well_formed(self, word):
        variable = self.index_mask << 1
        variable |= self.generation_max << (1 + self.index_bits)
        return word & ~variable == self.fixed and self.generation(word) != 0

    def fields(self, word):
        return "{ generation: %d, index: %d }" % (self.generation(word),
                                                  self.index(word))

    def read_state(self, state, index):
        """The name of a slot's state, and the handle that it belongs to."""
        if state == 0:
            return "untouched", 0
        flipped = self.index(state) ^ index
        handle = state ^ flipped << 1
        if state & 1:
            return {0: "live", 1: "free"}.get(flipped, "corrupt"), handle
        if flipped >= 5:
            return "live, frozen", handle | 1
        return _ENDED.get(flipped, "corrupt"), handle | 1


class Table:
    """A haft::HandleTable or haft::ObjectTable in memory."""

    @staticmethod
    def find(value):
        """The Table that `value` is or points to, or None."""
        type_ = value.type.strip_typedefs()
        if type_.code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
            return Table.find(value.referenced_value())
        if str(type_.unqualified()).startswith("std::unique_ptr<haft::"):
            # With its default deleter it has the layout of a pointer.
            pointer = type_.template_argument(0).pointer()
            return Table.find(value.address.cast(pointer.pointer())
                              .dereference())
        if type_.code == gdb.TYPE_CODE_PTR:
            is_c = str(type_.target().unqualified()) == "haft_table"
            if int(value) == 0:
                return Table.of_process() if is_c else None
            if is_c:
                if not _Abis.get():
                    return None
                value = value.cast(gdb.lookup_type(
                    "haft::internal::%s::CTable" % _Abis.get()[0]).pointer())
            return Table.find(value.dereference())
        for name in ("haft::ObjectTable", "haft::HandleTable"):
            table = _family(value, name)
            if table is not None:
                return Table(table, name)
        return None

    @staticmethod
    def of_process():
        """The process-wide Table; None if it does not exist, or there are no
        debug symbols of it. If the process has several versions of Haft, the
        first that has one."""
        for abi in _Abis.get():
            try:
                instance = gdb.parse_and_eval(
                    "'haft::internal::%s::(anonymous namespace)"
                    "::process_table'" % abi)
                type_ = instance.type.strip_typedefs().template_argument(0)
                pointer = gdb.Value(_word(instance["object_"]))
            except gdb.error:
                continue
            table = Table.find(pointer.cast(type_.pointer()))
            if table is not None:
                return table
        return None

    def __init__(self, value, family):
        self.value = value
        self.owns = family == "haft::ObjectTable"
        type_ = value.type.strip_typedefs().unqualified()
        self.element = type_.template_argument(0)
        self.name = "%s<%s>" % (family, _plain(self.element))
        self.holds_any = (_plain(self.element.strip_typedefs()) ==
                          "haft::internal::AnyObject")
        slots = _field(value, "slots_")
        type_ = slots.type.strip_typedefs()
        self.layout = Layout(_layout_type(type_.template_argument(1)))
        slot = type_.template_argument(0).strip_typedefs()
        self.alignment = None  # of the pointers in a compact table
        if _plain(slot).startswith("haft::internal::CompactSlot<"):
            self.alignment = int(slot.template_argument(2))
        self.first = int(slots["first_"])
        self.data = slots["storage_"]["data_"]
        self.size = int(slots["storage_"]["size_"])
        self.capacity = int(_field(value, "capacity_"))
        fresh_slots = _field(value, "fresh_slots_")
        self.taken = min(_word(fresh_slots["next_"]), int(fresh_slots["limit_"]))

    def slot(self, index):
        return (self.data + index).dereference()

    def state_field(self, index):
        compact = self.alignment is not None
        return self.slot(index)["word_" if compact else "state_"]

    def state_of(self, word, index):
        """The state of a slot whose field has this word."""
        if self.alignment is None:
            return word
        return self.layout.read_compact(word, index)

    def states(self):
        """(index, state) of each slot below the high-water mark."""
        if self.taken == 0:
            return
        state = self.state_field(0)
        start = int(state.address)
        stride = self.data.dereference().type.sizeof
        width = state.type.sizeof
        memory = gdb.selected_inferior()
        at_once = max(1, (1 << 20) // stride)
        for low in range(0, self.taken, at_once):
            count = min(at_once, self.taken - low)
            block = memory.read_memory(start + low * stride,
                                       (count - 1) * stride + width).tobytes()
            for i in range(count):
                word = block[i * stride:i * stride + width]
                yield low + i, self.state_of(int.from_bytes(word, "little"),
                                             low + i)

    def age(self, word):
        """The number of generations since the first one."""
        first = self.layout.generation(self.first)
        generation = self.layout.generation(word)
        wraps = generation < first
        return generation - first + (self.layout.generation_max if wraps else 0)

    def content(self, index):
        """The value in a slot, or the object."""
        if self.alignment is not None:
            word = _word(self.state_field(index))
            address = (word >> self.layout.generation_bits) * self.alignment
            return gdb.Value(address).cast(self.element)
        slot = self.slot(index)
        place = slot["storage_"] if self.owns else slot["payload_"]
        return place.address.cast(self.element.pointer()).dereference()

    def pins(self, word, index):
        """The number of pins of `word`, or None if it cannot be told."""
        usage = self.slot(index)["usage_"] if self.owns else None
        if usage is None:
            return None
        if any(f.name == "pins" for f in usage.type.fields()):
            return _word(usage["pins"])
        blocks = _field(_field(self.value, "reclamation_"), "blocks_")
        if blocks is None:
            return None
        block = blocks["data_"].dereference()
        # The whole array; blocks that were never used read as 0.
        memory = gdb.selected_inferior().read_memory(
            int(blocks["data_"]), int(blocks["size_"]) * block.type.sizeof)
        width = block["scope"].type.sizeof
        cells = block["cells"].type
        low, high = cells.range()
        words = memoryview(memory.tobytes()).cast(
            "Q" if cells.target().sizeof == 8 else "I")
        stride = block.type.sizeof // cells.target().sizeof
        return sum(words[i::stride].tolist().count(word)
                   for i in range(low, high + 1))

    def describe(self, word):
        """What `word` means in this table: a line."""
        where = "0x%x: %%s in %s %s" % (word, self.name, self.value.address)
        if word == 0:
            return where % "null"
        if not self.layout.is_well_formed(word):
            return where % "malformed"
        where += "; " + self.layout.fields(word)
        index = self.layout.index(word) & (self.size - 1)
        state = self.state_of(_word(self.state_field(index)), index)
        kind, handle = self.layout.read_state(state, index)
        exists = self.owns and kind in _EXISTS
        if handle == word and (kind.startswith("live") or exists):
            text = where % (kind if not exists else "stale, " + kind)
            pins = self.pins(word, index)
            if pins:
                text += ", pinned %d" % pins
            return text + ", " + self.show(index)
        if self.layout.index(word) >= self.size:
            return where % "never issued" + ", the table has no such slot"
        if state == 0:
            return where % "never issued" + ", that slot is untouched"
        ended = state & 1 == 0
        old = self.age(word) < self.age(state) or (
            ended and self.age(word) == self.age(state))
        text = where % ("stale" if old else "never issued")
        return text + ", that slot is now %s at generation %d" % (
            kind, self.layout.generation(handle))

    def show(self, index):
        content = self.content(index)
        if not self.holds_any:
            return "value: " + content.format_string()
        return _any_object(content)

    def summary(self):
        counts = {}
        for index, state in self.states():
            kind = self.layout.read_state(state, index)[0]
            kind = "free" if kind == "untouched" else kind.split(",")[0]
            counts[kind] = counts.get(kind, 0) + 1
        counts.setdefault("live", 0)
        return "%s of capacity %d, slots: %s" % (
            self.name, self.capacity,
            ", ".join("%d %s" % (counts[kind], kind)
                      for kind in sorted(counts,
                                         key=lambda k: (k != "live", k))))

    def live(self):
        """(handle, what it means) of each live handle."""
        for index, state in self.states():
            kind, handle = self.layout.read_state(state, index)
            if kind.startswith("live"):
                yield handle, index


def _any_object(content):
    type_, object_ = content["type_"], content["object_"]
    name = type_["name"].string() if int(type_["name"]) else "(no name)"
    text = "a %s at 0x%x" % (name, int(object_))
    # The descriptors of haft/process_table.h name the C++ type.
    symbol = gdb.execute("info symbol 0x%x" % int(type_), to_string=True)
    match = re.match(
        r"haft::internal::(?:abi\w+::)?(?:TypeDescriptor<(.*), \d+u?l*, \d+u?l*>"
        r"|NamedTypeDescriptor<(.*)>)::type", symbol)
    if match and int(object_):
        try:
            pointer = gdb.lookup_type(match[1] or match[2]).pointer()
            text += ": " + object_.cast(pointer).dereference().format_string()
        except gdb.error:
            pass  # there are no debug symbols of the type
    return text


def _handle_word(value):
    type_ = value.type.strip_typedefs()
    if type_.code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
        return _handle_word(value.referenced_value())
    if type_.code == gdb.TYPE_CODE_STRUCT:
        return int(value["word_"])
    return int(value) & (1 << 8 * _word_type().sizeof) - 1


class HandlePrinter:
    """haft::Handle and haft_handle."""

    def __init__(self, value):
        self.word = _handle_word(value)

    def to_string(self):
        if self.word == 0:
            return "0x0: null"
        table = Table.of_process()
        if table is None:
            return "0x%x" % self.word
        return table.describe(self.word)


class TablePrinter:
    """A table, as a map."""

    def __init__(self, value):
        self.table = Table.find(value)

    def display_hint(self):
        return "map"

    def to_string(self):
        return self.table.summary()

    def children(self):
        for handle, index in self.table.live():
            yield "handle", "0x%x" % handle
            content = self.table.content(index)
            if self.table.holds_any:
                content = _any_object(content)
            yield "value", content


class AnyObjectPrinter:
    """haft::internal::AnyObject, of which the process-wide table has one for
    each handle."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return _any_object(self.value)


class Printers(gdb.printing.PrettyPrinter):
    def __init__(self):
        super().__init__("haft", [])

    def __call__(self, value):
        if value.type.name == "haft_handle":
            return HandlePrinter(value)
        name = _plain(value.type.strip_typedefs().unqualified())
        if name == "haft::Handle":
            return HandlePrinter(value)
        if name == "haft::internal::AnyObject":
            return AnyObjectPrinter(value)
        if re.match(r"haft::((Object|Handle)Table<.*>|"
                    r"internal::(CTable|BasicAnyTable<.*>))$", name):
            return TablePrinter(value)
        return None


class HaftCommand(gdb.Command):
    """What a handle means: haft HANDLE [TABLE].

HANDLE is an expression: a haft::Handle, a haft_handle, a pointer or a number.
TABLE is one for a table, or a pointer to it. Without it, the process-wide table
is used. Quote expressions that contain spaces."""

    def __init__(self):
        super().__init__("haft", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        arguments = gdb.string_to_argv(argument)
        if len(arguments) not in (1, 2):
            raise gdb.GdbError("usage: haft HANDLE [TABLE]")
        try:
            gdb.write(self.answer(*arguments) + "\n")
        except gdb.error as error:  # printed as one line, without a traceback
            raise gdb.GdbError(str(error))

    @staticmethod
    def answer(handle, expression=None):
        word = _handle_word(gdb.parse_and_eval(handle))
        if expression is None:
            table = Table.of_process()
            if table is None:
                return ("the process-wide table has not been created yet, or "
                        "there are no debug symbols of process_table.cc")
        else:
            table = Table.find(gdb.parse_and_eval(expression))
            if table is None:
                return "%s is not a Haft table" % expression
        return table.describe(word)


gdb.printing.register_pretty_printer(None, Printers(), replace=True)
HaftCommand()
