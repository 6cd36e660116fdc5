package policies

import "testing"

func TestX(t *testing.T) {
	ps, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	_ = ps
}
