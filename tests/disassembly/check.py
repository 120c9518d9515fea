#!/usr/bin/env python3
"""What must hold of the code of the calls in calls.cc. Reads `objdump -d --no-show-raw-insn`; exit 1 and a line for each violation.

Follows the handle (rsi on entry) through every path of a call, both ways at each conditional branch, whatever the condition: so also
the paths that a processor takes only when it has guessed a branch wrong.

  confined   no memory is accessed at an address made of the handle, unless an `and` with a mask from memory came first; of pins, up to
             where they publish the handle, which is locked
  no call    Value and Check call nothing
  locked     Value and Check have no locked instruction, nor has New on the paths that call nothing; on those, Delete has one
             compare-and-swap, and nothing else that is locked but where it exhausts a slot or has no magazines
  by words   values and pins are not put together in memory, where one wide load would wait for several narrow stores: there is no
             load of 16 bytes or more from the stack, and no call of memcpy
"""

import re
import sys

LOCKED = "locked instructions on the paths without a call"
REGISTERS = {}
for family in (
    "rax eax ax al", "rbx ebx bx bl", "rcx ecx cx cl", "rdx edx dx dl", "rsi esi si sil", "rdi edi di dil", "rbp ebp bp bpl",
    "rsp esp sp spl", *(f"r{n} r{n}d r{n}w r{n}b" for n in range(8, 16))):
    for name in family.split():
        REGISTERS[name] = family.split()[0]
CALLER_SAVED = {"rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11"}


def read(text):
    """The instructions, as (address, prefix + mnemonic, [operands], function), and where functions begin, as {name: index}."""
    code, begins, name = [], {}, None
    for line in text.splitlines():
        if match := re.match(r"^[0-9a-f]+ <(\S+)>:$", line):
            name = match[1]
            begins[name] = len(code)
        elif match := re.match(r"^\s*([0-9a-f]+):\s+(.*)$", line):
            words = match[2].split("#")[0].strip()
            words = re.sub(r"^(data16|cs|notrack|bnd|rep|repz)\s+", "", words)
            mnemonic, _, operands = words.partition(" ")
            if mnemonic == "lock":
                rest, _, operands = operands.strip().partition(" ")
                mnemonic = "lock " + rest
            code.append((int(match[1], 16), mnemonic, re.findall(r"(?:[^,(]|\([^)]*\))+", operands.strip()), name))
    return code, begins


def used(operand):
    return {REGISTERS[r] for r in re.findall(r"%(\w+)", operand) if r in REGISTERS}


def is_memory(operand):
    return "(" in operand or operand.startswith("%fs:")


class Call:
    def __init__(self, name, code, begins):
        self.name, self.code, self.begin = name, code, begins[name]
        self.at = {instruction[0]: i for i, instruction in enumerate(code)}
        self.problems = set()

    def say(self, i, what):
        self.problems.add(f"{self.name}: {what}: {self.code[i][1]} {','.join(self.code[i][2])}")

    def successors(self, i):
        """Where it may go on, in this function or, by a jump, in another."""
        mnemonic, name = self.code[i][1], self.code[i][3]
        if mnemonic.startswith(("ret", "ud2", "hlt")):
            return []
        following = []
        if mnemonic.startswith("j"):
            target = self.target(i)
            if target is not None:
                following.append(target)
            elif not name.endswith("@plt"):
                self.say(i, "a jump to where nobody knows")
        if mnemonic != "jmp" and i + 1 < len(self.code) and self.code[i + 1][3] == name:
            following.append(i + 1)
        return following

    def target(self, i):
        match = re.match(r"^([0-9a-f]+)\b", (self.code[i][2] or [""])[0])
        return self.at.get(int(match[1], 16)) if match else None

    def confined(self, up_to_locked):
        """Abstract interpretation. `tainted`: registers and stack words made of the handle; `loaded`: registers that were."""
        slot_seen = False
        todo, seen = [(self.begin, frozenset({"rsi"}), frozenset())], set()
        while todo:
            state = todo.pop()
            if state in seen:
                continue
            seen.add(state)
            i, tainted, loaded = state
            tainted, loaded = set(tainted), set(loaded)
            _, mnemonic, operands, _ = self.code[i]
            locked = mnemonic.startswith("lock ")
            base = mnemonic[5:] if locked else mnemonic
            for operand in operands:
                if is_memory(operand) and not base.startswith(("lea", "nop")) and used(operand) & tainted:
                    self.say(i, "accesses memory at an address made of the handle")
            if base.startswith("call"):
                if (target := self.target(i)) is not None:
                    todo.append((target, frozenset(tainted & CALLER_SAVED), frozenset()))
                tainted -= CALLER_SAVED
                loaded -= CALLER_SAVED
            elif base == "pop":
                tainted -= used(operands[0])
                loaded -= used(operands[0])
            elif operands and not base.startswith(("cmp ", "test", "bt", "j", "nop", "push", "ret", "prefetch")) and base not in (
                    "cmp", "cmpb", "cmpl", "cmpq", "cmpw"):
                source, target = operands[0], operands[-1]

                def is_tainted(operand):
                    if is_memory(operand) and not base.startswith("lea"):
                        return operand in tainted
                    return bool(used(operand) & tainted)

                def is_mask(operand):
                    return is_memory(operand) or bool(used(operand) & loaded)

                from_memory = is_memory(source)
                if base.startswith("set"):
                    dirty = False
                elif len(operands) == 1:
                    dirty = is_tainted(target)
                elif base.startswith(("mov", "lea", "bsf", "bsr", "tzcnt", "lzcnt")):
                    dirty = is_tainted(source)
                elif base.startswith("xor") and source == target:
                    dirty = False
                elif re.match(r"and[lq]?$", base):
                    dirty = is_tainted(source) or is_tainted(target)
                    if (is_tainted(target) and not is_tainted(source) and is_mask(source)) or (
                            is_tainted(source) and not is_tainted(target) and is_mask(target)):
                        dirty = False
                        slot_seen = True
                else:
                    dirty = any(is_tainted(operand) for operand in operands)
                keys = {target} if is_memory(target) else used(target)
                tainted = tainted | keys if dirty else tainted - keys
                if not is_memory(target):
                    pure = base.startswith("mov") and (from_memory or bool(used(source) & loaded)) and not dirty
                    loaded = loaded | keys if pure else loaded - keys
            if up_to_locked and self.locks(i):
                continue
            for following in self.successors(i):
                todo.append((following, frozenset(tainted), frozenset(loaded)))
        if not slot_seen:
            self.problems.add(f"{self.name}: the handle meets no mask")

    def locks(self, i):
        _, mnemonic, operands, _ = self.code[i]
        return mnemonic.startswith("lock ") or (mnemonic.startswith("xchg") and any(is_memory(o) for o in operands))

    def hot_paths(self):
        """The locked mnemonics of each path from entry to return that calls nothing, stays inside and takes no jump back twice."""
        paths, todo = set(), [(self.begin, frozenset(), ())]
        visited = set()
        while todo:
            i, edges, locked = todo.pop()
            if self.code[i][1].startswith("call"):
                continue
            if self.locks(i):
                locked += (self.code[i][1],)
            if self.code[i][1].startswith("ret"):
                paths.add(locked)
                continue
            for following in self.successors(i):
                if self.code[following][3] != self.name:
                    continue
                back = following <= i
                if back and (i, following) in edges:
                    continue
                state = (following, edges | {(i, following)} if back else edges, locked)
                if state not in visited:
                    visited.add(state)
                    todo.append(state)
        return paths

    def calls_nothing(self):
        todo, seen = [self.begin], set()
        while todo:
            i = todo.pop()
            if i in seen:
                continue
            seen.add(i)
            if self.code[i][1].startswith("call"):
                self.say(i, "calls something")
            if self.locks(i):
                self.say(i, "a locked instruction")
            todo += self.successors(i)

    def moves_by_words(self):
        for i in range(self.begin, len(self.code)):
            _, mnemonic, operands, name = self.code[i]
            if name != self.name:
                break
            if mnemonic.startswith("call") and re.search("<mem(cpy|move)", operands[0]):
                self.say(i, "copies by a call")
            if re.match(r"v?mov(ap|up|dq)", mnemonic) and re.search(r"\(%r[sb]p", operands[0]):
                self.say(i, "a wide load from the stack")


def main():
    code, begins = read(sys.stdin.read())
    problems = set()
    for name in ("Value", "Value53", "ValueCompact", "Check", "CheckCompact", "New", "Delete", "DeleteCompact", "Pin", "PinThroughC",
                 "Find"):
        if name not in begins:
            problems.add(f"{name}: not in the disassembly")
            continue
        call = Call(name, code, begins)
        if name != "New":
            call.confined(up_to_locked=name.startswith("Pin"))
        call.moves_by_words()
        if name.startswith(("Value", "Check")):
            call.calls_nothing()
        if name in ("New", "Delete", "DeleteCompact"):
            paths = call.hot_paths()
            if not paths:
                call.problems.add(f"{name}: no path without a call")
            elif name == "New" and paths != {()}:
                call.problems.add(f"New: {LOCKED}: {sorted(paths)}")
            # More on some: to count a slot that is exhausted, and where the layout leaves no room for magazines.
            elif name == "Delete" and ({path[:1] for path in paths} != {("lock cmpxchg",)} or min(map(len, paths)) != 1):
                call.problems.add(f"Delete: {LOCKED}: {sorted(paths)}")
            # A compact slot is looked at before, so a refused handle meets none.
            elif name == "DeleteCompact" and ({path[:1] for path in paths} != {(), ("lock cmpxchg",)} or
                                              ("lock cmpxchg",) not in paths):
                call.problems.add(f"DeleteCompact: {LOCKED}: {sorted(paths)}")
        problems |= call.problems
    for problem in sorted(problems):
        print(problem)
    return 1 if problems else 0


sys.exit(main())
