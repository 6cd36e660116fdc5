package keycloak

import (
	"fmt"
	"maps"
	"slices"
)

// differences lists, as dotted paths, where have does not say what want says.
// What want does not mention is not ours; null and "" in want mean absent. Lists
// of strings are sets; lists of objects with a name are compared by name.
func differences(have, want any, at string) []string {
	switch want := want.(type) {
	case nil:
		if have == nil {
			return nil
		}
	case object:
		known, _ := have.(object)
		var all []string
		for _, key := range slices.Sorted(maps.Keys(want)) {
			all = append(all, differences(known[key], want[key], join(at, key))...)
		}
		return all
	case []any:
		known, _ := have.([]any)
		if !sameList(known, want) {
			return []string{at}
		}
		return nil
	default:
		if have == want || want == "" && have == nil {
			return nil
		}
	}
	return []string{at}
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

func sameList(have, want []any) bool {
	if len(have) != len(want) {
		return false
	}
	have, want = slices.Clone(have), slices.Clone(want)
	slices.SortFunc(have, byName)
	slices.SortFunc(want, byName)
	for i := range want {
		if len(differences(have[i], want[i], "")) > 0 {
			return false
		}
	}
	return true
}

func byName(a, b any) int {
	name := func(v any) string {
		if o, ok := v.(object); ok {
			v = o["name"]
		}
		return fmt.Sprint(v)
	}
	return slices.Compare([]byte(name(a)), []byte(name(b)))
}

// overlay returns have with everything that want says. Keycloak's PUT of a client
// takes the whole representation.
func overlay(have, want object) object {
	out := maps.Clone(have)
	for key, value := range want {
		inner, isObject := value.(object)
		known, wasObject := have[key].(object)
		if isObject && wasObject {
			out[key] = overlay(known, inner)
			continue
		}
		out[key] = value
	}
	return out
}
