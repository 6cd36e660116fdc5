package keycloak

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// object is a Keycloak representation as decoded JSON.
type object = map[string]any

// template is the decoded realm template; see package realm for its sections.
type template struct {
	Realm           object            `json:"realm"`
	Flows           []flow            `json:"flows"`
	ProviderFlow    flow              `json:"providerFlow"` // after the sign-in at an identity provider
	RequiredActions map[string]object `json:"requiredActions"`
	Profile         object            `json:"profile"`
	Clients         map[string]object `json:"clients"`
	ProgramScope    object            `json:"programScope"`
}

func parseTemplate(source []byte) (*template, error) {
	var t template
	if err := json.Unmarshal(source, &t); err != nil {
		return nil, fmt.Errorf("keycloak: realm template: %w", err)
	}
	for _, name := range []string{"portal", "service", "application"} {
		if t.Clients[name] == nil {
			return nil, fmt.Errorf("keycloak: realm template has no client %s", name)
		}
	}
	return &t, nil
}

var placeholder = regexp.MustCompile(`\{\{([a-z_]+)\}\}`)

// fill copies a part of the template with its placeholders replaced. The decoded
// strings are replaced, so that no value needs escaping; a []string that stands
// alone in a list becomes part of the list.
func fill(part object, values map[string]any) (object, error) {
	filled, err := fillAny(part, values)
	if err != nil {
		return nil, err
	}
	return filled.(object), nil
}

func fillAny(v any, values map[string]any) (any, error) {
	switch v := v.(type) {
	case string:
		return fillString(v, values)
	case object:
		out := object{}
		for key, inner := range v {
			filled, err := fillAny(inner, values)
			if err != nil {
				return nil, err
			}
			out[key] = filled
		}
		return out, nil
	case []any:
		out := []any{}
		for _, inner := range v {
			filled, err := fillAny(inner, values)
			if err != nil {
				return nil, err
			}
			if list, ok := filled.([]string); ok {
				for _, s := range list {
					out = append(out, s)
				}
				continue
			}
			out = append(out, filled)
		}
		return out, nil
	}
	return v, nil
}

func fillString(s string, values map[string]any) (any, error) {
	found := placeholder.FindStringSubmatch(s)
	if found == nil {
		return s, nil
	}
	if found[0] == s {
		value, known := values[found[1]]
		if !known {
			return nil, fmt.Errorf("keycloak: realm template asks for unknown %q", found[1])
		}
		return value, nil
	}
	var unknown error
	out := placeholder.ReplaceAllStringFunc(s, func(hit string) string {
		value, known := values[hit[2:len(hit)-2]].(string)
		if !known {
			unknown = fmt.Errorf("keycloak: realm template asks for unknown %s", hit)
		}
		return value
	})
	return out, unknown
}
