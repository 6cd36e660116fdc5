package keycloak

import (
	"reflect"
	"testing"
)

func TestFill(t *testing.T) {
	t.Parallel()
	values := map[string]any{"name": `a"b`, "list": []string{"x", "y"}, "none": []string(nil)}
	got, err := fill(object{"a": "{{name}}", "b": "to {{name}}", "c": []any{"w", "{{list}}"}, "d": []any{"{{none}}"}, "e": "${kept}", "f": 3.0}, values)
	if err != nil {
		t.Fatal(err)
	}
	want := object{"a": `a"b`, "b": `to a"b`, "c": []any{"w", "x", "y"}, "d": []any{}, "e": "${kept}", "f": 3.0}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, unknown := range []string{"{{nobody}}", "x {{nobody}}"} {
		if _, err := fill(object{"a": []any{object{"b": unknown}}}, values); err == nil {
			t.Errorf("%s was accepted", unknown)
		}
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		have, want object
		diff       []string
	}{
		"not ours":            {object{"a": 1.0, "x": 2.0}, object{"a": 1.0}, nil},
		"deep":                {object{"a": object{"b": "1"}}, object{"a": object{"b": "2"}}, []string{"a.b"}},
		"missing":             {object{}, object{"a": object{"b": "2"}}, []string{"a.b"}},
		"must be absent":      {object{"a": "ENABLED"}, object{"a": nil}, []string{"a"}},
		"is absent":           {object{}, object{"a": nil, "b": ""}, nil},
		"order of a set":      {object{"a": []any{"y", "x"}}, object{"a": []any{"x", "y"}}, nil},
		"a longer list":       {object{"a": []any{"x", "*"}}, object{"a": []any{"x"}}, []string{"a"}},
		"objects by name":     {object{"a": []any{object{"name": "q", "id": 1.0}, object{"name": "p"}}}, object{"a": []any{object{"name": "p"}, object{"name": "q"}}}, nil},
		"a changed object":    {object{"a": []any{object{"name": "p", "v": "1"}}}, object{"a": []any{object{"name": "p", "v": "2"}}}, []string{"a"}},
		"false is not absent": {object{}, object{"a": false}, []string{"a"}},
	} {
		if got := differences(test.have, test.want, ""); !reflect.DeepEqual(got, test.diff) {
			t.Errorf("%s: got %v, want %v", name, got, test.diff)
		}
	}
}
