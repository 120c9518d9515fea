// Package widget provides the C++ library of widget.h to Go: its objects as handles, and its callback as a func.
package widget

// #include "listener.h"
// #cgo LDFLAGS: -lwidget -lhaft
import "C"

import (
	"errors"
	"unsafe"

	"haft.dev/haft"
)

// Widget is the handle of a C++ object, which may be gone.
type Widget struct{ haft.Handle }

// New makes a widget. It lives until Release.
func New(sum int64) (Widget, error) {
	var handle C.haft_handle
	err := haft.StatusError(int(C.widget_new(C.int64_t(sum), &handle)))
	return Widget{haft.Handle(handle)}, err
}

// Add returns the new sum.
func (w Widget) Add(amount int64) (int64, error) {
	var sum C.int64_t
	err := haft.StatusError(int(C.widget_add(C.haft_handle(w.Handle), C.int64_t(amount), &sum)))
	return int64(sum), err
}

// Subscribe calls listener, the handle of a func(int64), with each new sum until the caller deletes that handle.
func (w Widget) Subscribe(listener haft.Handle) error {
	v, err := listener.Lookup()
	if err != nil {
		return err
	}
	if _, ok := v.(func(int64)); !ok {
		return haft.ErrWrongType
	}
	return haft.StatusError(int(C.widget_go_subscribe(C.haft_handle(w.Handle), C.haft_handle(listener))))
}

//export widgetGoCall
func widgetGoCall(listener C.haft_handle, sum C.int64_t) C.int {
	v, err := haft.Handle(listener).Lookup()
	if err != nil {
		status := haft.ErrInvalid
		_ = errors.As(err, &status)
		return C.int(status)
	}
	v.(func(int64))(int64(sum))
	return C.HAFT_OK
}

// AddLater adds on a thread of the library; see Join.
func (w Widget) AddLater(amount int64) error {
	return haft.StatusError(int(C.widget_add_later(C.haft_handle(w.Handle), C.int64_t(amount))))
}

// Release ends the widget's handle. It returns nil once, and afterwards an error.
func (w Widget) Release() error {
	return haft.StatusError(int(C.widget_delete(C.haft_handle(w.Handle))))
}

// Delete panics where Release returns an error.
func (w Widget) Delete() {
	if err := w.Release(); err != nil {
		panic(err)
	}
}

// Type returns the type for pins of the C++ object itself.
func Type() haft.Type { return haft.TypeAt(unsafe.Pointer(C.widget_type())) }

// Join waits for everything that AddLater has started.
func Join() { C.widget_join() }

// Count returns how many widgets exist.
func Count() int64 { return int64(C.widget_count()) }
