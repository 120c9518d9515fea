package core

import (
	"sync/atomic"
	"testing"
)

func TestAnEntryIsReadOnlyWhileItsHandleIsLive(t *testing.T) {
	const h = 41
	var e Entry
	state := uintptr(h)
	e.Write("value")
	if _, ok := e.Read(h, &state); ok {
		t.Error("read before it was published")
	}
	lock := uintptr(1)
	Publish(&e.Word, &state, h, &lock)
	if v, ok := e.Read(h, &state); !ok || v != "value" || lock != 0 {
		t.Error(v, ok, lock)
	}
	state = h + 2 // it ends after the first look at the state, and before the last
	if v, ok := e.Read(h, &state); ok {
		t.Error(v)
	}
	if !e.Clear() || e.Clear() {
		t.Error("it was not cleared once")
	}
}

func TestEntriesHaveMemoryWhenTheyAreUsed(t *testing.T) {
	entries := NewEntries(5000)
	if entries.At(4999) != nil || entries.At(1<<30) != nil {
		t.Error("memory before the first use")
	}
	e := entries.Make(4999)
	if e == nil || entries.Make(4999) != e || entries.At(4999) != e || entries.At(0) != nil {
		t.Error("another entry")
	}
	count := 0
	entries.Each(func(index uintptr, each *Entry) {
		if (each == e) != (index == 4999) {
			t.Error(index)
		}
		count++
	})
	if count != 1<<segmentBits {
		t.Error(count)
	}
}

func TestAShardHasOneOwner(t *testing.T) {
	s := NewShards()
	owners := map[*Shard]bool{}
	for shard := s.Take(); shard != nil; shard = s.Take() {
		if owners[shard] || atomic.LoadUintptr(shard.Lock()) != 1 {
			t.Fatal("a shard of two")
		}
		owners[shard] = true
	}
	if len(owners) < 8 {
		t.Errorf("%d shards were tried", len(owners))
	}
	for shard := range owners {
		shard.Put()
	}
	if s.Take() == nil {
		t.Error("no shard is free again")
	}
}
