"""What both backends share: Handle, over the few functions they provide."""

import atexit
import ctypes

from haft.errors import StaleHandleError, raise_for

# Reference counts are CPython's own, so that libhaft's table is the only one.
# A PyDLL's functions are called with the GIL held.
_increase = ctypes.pythonapi.Py_IncRef
_increase.argtypes = [ctypes.py_object]
_increase.restype = None
_decrease = ctypes.pythonapi.Py_DecRef
_decrease.argtypes = [ctypes.c_void_p]
_decrease.restype = None


def destroy(address):
    """Called by libhaft, on any thread; ctypes and cffi then take the GIL."""
    _decrease(address)


def make_handle_class(c):
    """The class Handle over `c`, a module with the functions of haft.h."""

    def raise_about(status, word):
        if status != 0:
            raise_for(status, c.describe(word))

    class Handle:
        """A handle of an object: made for a Python object, or adopted.

        It is deleted when the Handle is: by delete(), at the end of a `with`,
        or with the last reference to it. detach() leaves it to whoever else
        has the word.
        """

        __slots__ = ("word", "_owned")

        def __init__(self, obj):
            """Makes `obj` reachable, and keeps it alive, through a new one."""
            self._owned = False
            self.word = 0
            _increase(obj)
            status, self.word = c.new(id(obj))
            if status != 0:
                _decrease(id(obj))
                raise_for(status)
            self._owned = True

        @classmethod
        def adopt(cls, word):
            """The owner of a handle that C or C++ has made."""
            handle = cls.from_word(word)
            raise_about(c.check(word), word)
            handle._owned = True
            return handle

        @classmethod
        def from_word(cls, word):
            """A handle of somebody else's, live or not."""
            handle = cls.__new__(cls)
            handle.word = word
            handle._owned = False
            return handle

        @classmethod
        def from_pointer(cls, pointer):
            """The same from the `void *` that a callback is given."""
            return cls.from_word(c.from_pointer(pointer))

        @property
        def pointer(self):
            """The handle as the `void *user_data` of this backend."""
            return c.to_pointer(self.word)

        def value(self):
            """The Python object."""
            status, pin, address = c.pin(self.word)
            raise_about(status, self.word)
            try:
                # The pin holds it until this reference does.
                return ctypes.cast(address, ctypes.py_object).value
            finally:
                c.unpin(pin)

        def check(self):
            """Raises why the handle is refused, if it is."""
            raise_about(c.check(self.word), self.word)

        @property
        def is_live(self):
            return c.check(self.word) == 0

        def delete(self):
            """Ends the handle; the object goes with its last pin."""
            self._owned = False
            raise_about(c.delete(self.word), self.word)

        def delete_and_wait(self, seconds):
            """The same, and waits until the object has been let go of."""
            self._owned = False
            raise_about(
                c.delete_and_wait(self.word, int(seconds * 1e9)), self.word
            )

        def detach(self):
            """The word, which no Handle owns from here on."""
            self._owned = False
            return self.word

        def __enter__(self):
            return self

        def __exit__(self, *_):
            if self._owned:
                try:
                    self.delete()
                except StaleHandleError:
                    pass  # deleted by C

        def __del__(self):
            self.__exit__()

        def __eq__(self, other):
            other = getattr(other, "word", None)
            return NotImplemented if other is None else self.word == other

        def __hash__(self):
            return hash(self.word)

        def __repr__(self):
            return f"<haft.Handle {c.describe(self.word)}>"

    # C may outlive the interpreter: it is then to find stale handles, and no
    # objects of an interpreter that is gone. (A pin that C still holds then must
    # not be let go of after Py_Finalize: there is no GIL to take.)
    atexit.register(c.delete_all)
    return Handle
