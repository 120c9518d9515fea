// A worker of the contention study, docs/study_protocol.md, whose arms are Go's own: runtime/cgo.Handle, sync.Map, and a map behind
// a mutex. It answers the request on stdin.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	request, err := io.ReadAll(os.Stdin)
	if err == nil {
		var text []byte
		if text, err = answer(arms(), request); err == nil {
			_, err = os.Stdout.Write(append(text, '\n'))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(2)
	}
}
