// Package haft provides handles for C: of Go values, with the API of runtime/cgo.Handle, and of C++ objects.
//
// C may not keep Go pointers, so the table holds a number for a Go value, a cgo.Handle. Delete deletes that number, or if
// the value is pinned, the destroy callback does when the last pin is released, possibly on a thread of C's. cgo.Handle alone
// panics if it is used too late, inside the C library that called it, and C cannot keep a value alive during a call.
package haft

// #include "value.h"
// #cgo LDFLAGS: -lhaft
import "C"

import (
	"fmt"
	"runtime/cgo"
	"unsafe"
)

// Handle is a word that C may keep, copy, forge or use too late. If C needs a void*, let C call haft_to_pointer.
type Handle uintptr

// NewHandle, Value and Delete have the API of runtime/cgo.Handle. They panic where the Try forms return an error.
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

// TryValue returns the value of which the handle was made.
func (h Handle) TryValue() (any, error) {
	found := C.haft_go_value(C.haft_handle(h))
	if found.status != C.HAFT_OK {
		return nil, Status(found.status)
	}
	return load(cgo.Handle(found.value))
}

// cgo.Handle never issues a number twice. If the number was deleted after the table had returned it, cgo.Handle panics.
func load(number cgo.Handle) (v any, err error) {
	defer func() {
		if recover() != nil {
			err = Stale
		}
	}()
	return number.Value(), nil
}

// TryDelete ends the handle of a Go value. It returns nil once, and afterwards an error.
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

// ValueOf returns, in a callback, the value of the number that C has found with haft_pin_object and keeps pinned.
func ValueOf(number uintptr) any {
	return cgo.Handle(number).Value()
}

// Check returns why the handle is refused. It accepts every type.
func (h Handle) Check() error {
	return Err(int(C.haft_check(C.haft_handle(h))))
}

// Describe returns everything that is known about the handle.
func (h Handle) Describe() string {
	var text [256]C.char
	C.haft_table_describe(nil, C.haft_handle(h), &text[0], C.size_t(len(text)))
	return C.GoString(&text[0])
}

// Type is the type of C++ objects: a haft_type that C has.
type Type struct{ c *C.haft_type }

// TypeAt converts a const haft_type* that another package's C functions return.
func TypeAt(t unsafe.Pointer) Type { return Type{(*C.haft_type)(t)} }

// TryNewHandle gives the table an object of C's, which its type destroys.
func (t Type) TryNewHandle(object unsafe.Pointer) (Handle, error) {
	made := C.haft_go_new_object(object, t.c)
	return Handle(made.handle), Err(int(made.status))
}

// TryDelete ends the handle if it is of this type.
func (t Type) TryDelete(h Handle) error {
	return Err(int(C.haft_delete(C.haft_handle(h), t.c)))
}

// Pin keeps a C++ object alive until Unpin, which any goroutine may call.
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

// Value returns the object, which is C's memory and valid until Unpin.
func (p *Pin) Value() unsafe.Pointer { return p.object }

// Unpin releases the pin. The second time it does nothing.
func (p *Pin) Unpin() {
	p.object = nil
	C.haft_unpin(&p.c)
}
