package haft_test

import (
	"errors"
	"fmt"

	"haft.dev/haft"
)

func Example() {
	h := haft.NewHandle("a value of Go")
	fmt.Println(h.Value())
	h.Delete()
	_, err := h.Lookup()
	fmt.Println(errors.Is(err, haft.ErrStale))
	// Output:
	// a value of Go
	// true
}

func ExampleNew() {
	h, err := haft.New(42)
	if err != nil {
		fmt.Println("no room:", err)
		return
	}
	fmt.Println(h.Release(), h.Release() != nil)
	// Output: <nil> true
}

func ExampleHandle_Lookup() {
	for _, word := range []haft.Handle{0, 2} { // as C might return them
		_, err := word.Lookup()
		switch {
		case errors.Is(err, haft.ErrNull):
			fmt.Println("C has forgotten its handle")
		case errors.Is(err, haft.ErrMalformed):
			fmt.Println("this was never a handle")
		}
	}
	// Output:
	// C has forgotten its handle
	// this was never a handle
}

func ExampleError() {
	h := haft.NewHandle(1)
	h.Delete()
	var refusal *haft.Error
	if errors.As(h.Release(), &refusal) {
		fmt.Println(refusal.Op, refusal.Word == uintptr(h), refusal.Status)
	}
	// Output: Release true haft: the handle has been deleted
}
