package pure_test

import (
	"testing"

	"haft.dev/haft/internal/suite"
	"haft.dev/haft/pure"
)

var api = suite.API{
	NewHandle: func(v any) uintptr { return uintptr(pure.NewHandle(v)) },
	Value:     func(h uintptr) any { return pure.Handle(h).Value() },
	Delete:    func(h uintptr) { pure.Handle(h).Delete() },
	New:       func(v any) (uintptr, error) { h, err := pure.New(v); return uintptr(h), err },
	Lookup:    func(h uintptr) (any, error) { return pure.Handle(h).Lookup() },
	Release:   func(h uintptr) error { return pure.Handle(h).Release() },
	Check:     func(h uintptr) error { return pure.Handle(h).Check() },
	Describe:  func(h uintptr) string { return pure.Handle(h).Describe() },
}

func TestSuite(t *testing.T) { suite.Run(t, api) }
