package haft_test

import (
	"os"
	"strings"
	"testing"

	"haft.dev/haft"
)

// test.sh runs this with a library that says it is another one.
func TestAnotherLibrary(t *testing.T) {
	other := os.Getenv("HAFT_GO_TEST_OTHER")
	if other == "" {
		t.Skip("with the library of the headers")
	}
	h, err := haft.New(1)
	if h != 0 || err == nil {
		t.Fatalf("%#x, %v", h, err)
	}
	for _, err := range []error{err, haft.Handle(1).Release(), func() error { _, err := haft.Handle(1).Lookup(); return err }()} {
		refusal, ok := err.(*haft.Error)
		if !ok || refusal.Status != haft.ErrInvalid {
			t.Fatalf("%v", err)
		}
		want := "haft_table_view"
		if other == "version" {
			want = "has version 0.2.0, and"
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q", err)
		}
	}
	if _, err := haft.Stats(); err != nil {
		t.Error(err) // what needs no view goes on
	}
}
