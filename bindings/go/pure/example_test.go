package pure_test

import (
	"errors"
	"fmt"

	"haft.dev/haft/pure"
)

func Example() {
	h := pure.NewHandle("a value of Go")
	fmt.Println(h.Value())
	h.Delete()
	_, err := h.Lookup()
	fmt.Println(errors.Is(err, pure.ErrStale))
	// Output:
	// a value of Go
	// true
}
