// Package haft has handles for C: of Go values, with the API of runtime/cgo.Handle, and of C++ objects.
//
// C may not keep Go pointers, so what the table holds of a Go value is a number, a cgo.Handle. It is deleted by Delete or,
// in the destroy callback, by whoever lets go of the last pin, be it a thread of C's. cgo.Handle alone panics, inside of
// whatever C library is below it, when it is used too late; and C cannot keep a value for the length of a call.
package haft

// #include "value.h"
// #cgo LDFLAGS: -lhaft
import "C"

import (
	"fmt"
	"runtime/cgo"
	"unsafe"
)

// Handle is a word that C may keep, copy, forge or use too late. Where C wants a void*, let C call haft_to_pointer.
type Handle uintptr

// NewHandle, Value and Delete are those of runtime/cgo.Handle: they panic where the Try forms return an error.
func NewHandle(v any) Handle {
	h, err := TryNewHandle(v)
	if err != nil {
		panic(err)
	}
	return h
}

func (h Handle) Value() any {
	v, err := h.TryValue()
	if err != nil {
		panic(h.misuse("Value", err))
	}
	return v
}

func (h Handle) Delete() {
	if err := h.TryDelete(); err != nil {
		panic(h.misuse("Delete", err))
	}
}

func (h Handle) misuse(operation string, err error) error {
	return fmt.Errorf("%w: %s of %s", err, operation, h.Describe())
}

// TryNewHandle makes v reachable through a handle that was never returned before.
func TryNewHandle(v any) (Handle, error) {
	number := cgo.NewHandle(v)
	made := C.haft_go_new(C.uintptr_t(number))
	if made.status != C.HAFT_OK {
		number.Delete()
		return 0, Status(made.status)
	}
	return Handle(made.handle), nil
}

// TryValue returns what the handle was made of.
func (h Handle) TryValue() (any, error) {
	found := C.haft_go_value(C.haft_handle(h))
	if found.status != C.HAFT_OK {
		return nil, Status(found.status)
	}
	return load(cgo.Handle(found.value))
}

// cgo.Handle never issues a number twice: one that was deleted since the table was asked is refused, by a panic.
func load(number cgo.Handle) (v any, err error) {
	defer func() {
		if recover() != nil {
			err = Stale
		}
	}()
	return number.Value(), nil
}

// TryDelete ends the handle of a Go value: nil, once.
func (h Handle) TryDelete() error {
	ended := C.haft_go_delete(C.haft_handle(h))
	if ended.status != C.HAFT_OK {
		return Status(ended.status)
	}
	if ended.value != 0 {
		cgo.Handle(ended.value).Delete()
	}
	return nil
}

//export haftGoDestroy
func haftGoDestroy(number C.uintptr_t) {
	cgo.Handle(number).Delete()
}

// ValueOf is for callbacks: the value of the number that C has found with haft_pin_object, and pins.
func ValueOf(number uintptr) any {
	return cgo.Handle(number).Value()
}

// Check says why the handle, of whatever type, is refused.
func (h Handle) Check() error {
	return Err(int(C.haft_check(C.haft_handle(h))))
}

// Describe says all that is known about the handle.
func (h Handle) Describe() string {
	var text [256]C.char
	C.haft_table_describe(nil, C.haft_handle(h), &text[0], C.size_t(len(text)))
	return C.GoString(&text[0])
}

// Type is what C++ objects are of: a haft_type that C has.
type Type struct{ c *C.haft_type }

// TypeAt is for the const haft_type* that another package's C functions return.
func TypeAt(t unsafe.Pointer) Type { return Type{(*C.haft_type)(t)} }

// TryNewHandle gives the table an object of C's, to be destroyed as its type says.
func (t Type) TryNewHandle(object unsafe.Pointer) (Handle, error) {
	made := C.haft_go_new_object(object, t.c)
	return Handle(made.handle), Err(int(made.status))
}

// TryDelete ends the handle if it is of this type.
func (t Type) TryDelete(h Handle) error {
	return Err(int(C.haft_delete(C.haft_handle(h), t.c)))
}

// Pin keeps a C++ object alive until Unpin. It may be let go by any goroutine.
type Pin struct {
	c      C.haft_pin
	object unsafe.Pointer
}

// TryPin takes a pin of the object of h, if it is of this type.
func (t Type) TryPin(h Handle) (*Pin, error) {
	pin := new(Pin)
	status := C.haft_pin_object(C.haft_handle(h), t.c, &pin.c, &pin.object)
	if status != C.HAFT_OK {
		return nil, Status(status)
	}
	return pin, nil
}

// Value is the object, which is C's memory: good until Unpin.
func (p *Pin) Value() unsafe.Pointer { return p.object }

// Unpin lets go; the second time it does nothing.
func (p *Pin) Unpin() {
	p.object = nil
	C.haft_unpin(&p.c)
}
