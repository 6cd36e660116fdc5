package conformance

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// atOnce runs fn n times, up to sixteen at once, and fails on any error.
func atOnce(t *testing.T, n int, fn func(context.Context) error) {
	t.Helper()
	slots := make(chan struct{}, 16)
	var wait sync.WaitGroup
	for range n {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := fn(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		t.FailNow()
	}
}
