// Package ctest is code of C that uses handles, for the tests, in which Go allows no C.
package ctest

// #cgo LDFLAGS: -lhaft
// #include "ctest.h"
import "C"

import "unsafe"

// RoundTrip carries the word through a void*.
func RoundTrip(h uintptr) uintptr { return uintptr(C.haft_test_round_trip(C.haft_handle(h))) }

// Value returns what haft_value does, and whether the object is null.
func Value(h uintptr, typ unsafe.Pointer) (status int, isNull bool) {
	var object unsafe.Pointer
	status = int(C.haft_value(C.haft_handle(h), (*C.haft_type)(typ), &object))
	return status, object == nil
}

// Delete calls haft_delete.
func Delete(h uintptr, typ unsafe.Pointer) int {
	return int(C.haft_delete(C.haft_handle(h), (*C.haft_type)(typ)))
}

// DeleteInThread calls haft_delete in a thread of C.
func DeleteInThread(h uintptr) int { return int(C.haft_test_delete_in_thread(C.haft_handle(h))) }

// Strerror returns the sentence of haft_strerror.
func Strerror(status int) string { return C.GoString(C.haft_strerror(C.int(status))) }

// CType returns a type of C's own, whose objects count when they are destroyed.
func CType() unsafe.Pointer { return unsafe.Pointer(C.haft_test_type()) }

// Object returns an object of that type.
func Object() unsafe.Pointer { return C.haft_test_object() }

// Destroyed returns how many objects were destroyed.
func Destroyed() int { return int(C.haft_test_destroyed()) }

// New makes a handle with a null object.
func New(typ unsafe.Pointer) (h uintptr, status int) {
	var made C.haft_handle
	status = int(C.haft_new(nil, (*C.haft_type)(typ), &made))
	return uintptr(made), status
}

// LendAll takes all loans that are left, and returns how many these were.
func LendAll() int { return int(C.haft_test_lend_all()) }

// ReturnAll gives them back.
func ReturnAll() { C.haft_test_return_all() }

// Loads returns how many objects of the name libhaft.so are loaded.
func Loads() int { return int(C.haft_test_loads()) }
