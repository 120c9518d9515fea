package haft_test

import (
	"testing"

	"haft.dev/haft"
	"haft.dev/haft/internal/suite"
)

var api = suite.API{
	NewHandle: func(v any) uintptr { return uintptr(haft.NewHandle(v)) },
	Value:     func(h uintptr) any { return haft.Handle(h).Value() },
	Delete:    func(h uintptr) { haft.Handle(h).Delete() },
	New:       func(v any) (uintptr, error) { h, err := haft.New(v); return uintptr(h), err },
	Lookup:    func(h uintptr) (any, error) { return haft.Handle(h).Lookup() },
	Release:   func(h uintptr) error { return haft.Handle(h).Release() },
	Check:     func(h uintptr) error { return haft.Handle(h).Check() },
	Describe:  func(h uintptr) string { return haft.Handle(h).Describe() },
}

func TestSuite(t *testing.T) { suite.Run(t, api) }
