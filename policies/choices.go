package policies

import (
	"slices"
	"time"
)

// Choices are the values that a field may have in the form of a role, or, where the
// role is zero, of a site; nil where it is typed. people are those who can be chosen
// where it asks for authorizers.
func (p *Program) Choices(f Field, role Role, people []string) []string {
	switch f.Kind {
	case "choice":
		return f.Options
	case "province":
		return provinces
	case "profession":
		if len(role.Professions) > 0 {
			return role.Professions
		}
		var all []string
		for _, p := range p.Professions {
			all = append(all, p.Code)
		}
		return all
	case "licence-body":
		return p.bodies(role)
	case "authorizers":
		return append([]string{}, people...)
	}
	return nil
}

// bodies are the regulating bodies of the professions that the role admits.
func (p *Program) bodies(role Role) []string {
	var out []string
	for _, pr := range p.Professions {
		if !role.admits(pr.Code) {
			continue
		}
		for _, b := range pr.Bodies {
			if !slices.Contains(out, b) {
				out = append(out, b)
			}
		}
	}
	return out
}

// Day is the day of t in the program's time zone, as YYYY-MM-DD.
func (p *Program) Day(t time.Time) string {
	zone, err := time.LoadLocation(p.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	return t.In(zone).Format(time.DateOnly)
}
