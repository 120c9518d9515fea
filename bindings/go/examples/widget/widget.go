// Package widget provides the C++ library of widget.h to Go.
package widget

// #include "listener.h"
// #cgo LDFLAGS: -lwidget -lhaft
import "C"

import (
	"unsafe"

	"haft.example/haft"
)

// Widget is the handle of a C++ object, which may be gone.
type Widget struct{ haft.Handle }

// New makes a widget. It lives until Delete.
func New(sum int64) (Widget, error) {
	var handle C.haft_handle
	err := haft.Err(int(C.widget_new(C.int64_t(sum), &handle)))
	return Widget{haft.Handle(handle)}, err
}

// Add returns the new sum.
func (w Widget) Add(amount int64) (int64, error) {
	var sum C.int64_t
	err := haft.Err(int(C.widget_add(C.haft_handle(w.Handle), C.int64_t(amount), &sum)))
	return int64(sum), err
}

// Subscribe calls listener, the handle of a func(int64), with each new sum until the caller deletes that handle.
func (w Widget) Subscribe(listener haft.Handle) error {
	v, err := listener.TryValue()
	if err != nil {
		return err
	}
	if _, ok := v.(func(int64)); !ok {
		return haft.WrongType
	}
	return haft.Err(int(C.widget_go_subscribe(C.haft_handle(w.Handle), C.haft_handle(listener))))
}

//export widgetGoCall
func widgetGoCall(number C.uintptr_t, sum C.int64_t) {
	haft.ValueOf(uintptr(number)).(func(int64))(int64(sum))
}

// AddLater adds on a thread of the library; see Join.
func (w Widget) AddLater(amount int64) error {
	return haft.Err(int(C.widget_add_later(C.haft_handle(w.Handle), C.int64_t(amount))))
}

// TryDelete ends the widget's handle. It returns nil once, and afterwards an error.
func (w Widget) TryDelete() error {
	return haft.Err(int(C.widget_delete(C.haft_handle(w.Handle))))
}

// Delete panics where TryDelete returns an error.
func (w Widget) Delete() {
	if err := w.TryDelete(); err != nil {
		panic(err)
	}
}

// Type returns the type for pins of the C++ object itself.
func Type() haft.Type { return haft.TypeAt(unsafe.Pointer(C.widget_type())) }

// Join waits for everything that AddLater has started.
func Join() { C.widget_join() }

// Count returns how many widgets exist.
func Count() int64 { return int64(C.widget_count()) }
