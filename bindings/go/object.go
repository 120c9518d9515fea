package haft

// #include "value.h"
import "C"

import (
	"unsafe"

	"haft.dev/haft/internal/core"
)

// Type is a type of objects of C: a haft_type, which C has. The zero Type stands for any type where one is wanted.
type Type struct{ c *C.haft_type }

// TypeAt converts a const haft_type* of C.
func TypeAt(t unsafe.Pointer) Type { return Type{(*C.haft_type)(t)} }

// ValueType returns the type of the handles of Go values, for C code that wants to tell them from others.
func ValueType() Type { return Type{C.haft_go_type()} }

// Pointer returns the const haft_type*.
func (t Type) Pointer() unsafe.Pointer { return unsafe.Pointer(t.c) }

// New returns a handle of an object of C. The type destroys the object when its handle was deleted and its last pin ended.
func (t Type) New(object unsafe.Pointer) (Handle, error) {
	made := C.haft_go_new_object(object, t.c)
	if made.status != C.HAFT_OK {
		return 0, &Error{Op: "New", Status: Status(made.status)}
	}
	return Handle(made.handle), nil
}

// Release ends the handle if it is of this type.
func (t Type) Release(h Handle) error {
	if status := Status(C.haft_delete(C.haft_handle(h), t.c)); status != core.OK {
		return h.refused("Release", status)
	}
	return nil
}

// Pin keeps an object of C alive until Unpin, which any goroutine may call.
type Pin struct {
	c      C.haft_pin
	object unsafe.Pointer
}

// Pin takes a pin of the object of h, if it is of this type. For a Go value it pins the slot only, and the object is nil.
func (t Type) Pin(h Handle) (*Pin, error) {
	pinned := C.haft_go_pin(C.haft_handle(h), t.c)
	if pinned.status != C.HAFT_OK {
		return nil, h.refused("Pin", Status(pinned.status))
	}
	return &Pin{pinned.pin, pinned.object}, nil
}

// Object returns the object, which is C's memory and valid until Unpin.
func (p *Pin) Object() unsafe.Pointer { return p.object }

// Unpin ends the pin. The second time it does nothing, but no two goroutines may call it at the same time.
func (p *Pin) Unpin() {
	p.object = nil
	C.haft_go_unpin(p.c)
	p.c = C.haft_pin{}
}
