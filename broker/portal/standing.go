package portal

import (
	"net/http"
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

// standingControls ask for a registrar's finding about a licence, filled with
// what the person wrote. Renewal: there was one before, and a new one follows it.
func (v *visit) standingControls(t registry.Tracker, form url.Values, self bool) (asks []control, renewal bool) {
	open := t.Request.State == policies.Submitted || t.Request.State == policies.Granted
	for _, n := range t.Needs {
		if n.Need.Kind != policies.NeedStanding || n.State == policies.NotAsked || self || !open {
			continue
		}
		role, _ := t.Program.Role(t.Request.Role)
		value := func(name string) string {
			if _, sent := form[name]; sent {
				return form.Get(name)
			}
			return t.Request.Answers.Bound(role.Form, "standing."+name)
		}
		var bodies []option
		profession, _ := t.Program.Profession(t.Request.Profession)
		for _, b := range profession.Bodies {
			bodies = append(bodies, option{Value: b, Label: v.words.Program(t.Program, "body."+b)})
		}
		expires := input("expires", "date", v.words.T("standing.expires"), v.words.T("standing.expires-hint"), value("expires"))
		expires.Size = "small"
		return []control{
			choice("body", v.words.T("standing.body"), "", value("body"), bodies),
			input("number", "text", v.words.T("standing.number"), v.words.T("standing.number-hint"), value("number")),
			expires,
		}, n.State == policies.Met
	}
	return nil, false
}

// standingSend records the finding.
func (s *site) standingSend(v *visit) error {
	c, err := s.caseOf(v)
	if err != nil {
		return err
	}
	form, err := v.form(fields{one: []string{"version", "body", "number", "expires"}})
	if err != nil {
		return err
	}
	version, err := versionOf(form.Get("version"))
	if err != nil {
		return err
	}
	profession, _ := c.Program.Profession(c.Request.Profession)
	asks := []policies.Field{{Name: "body", Kind: "choice", Required: true}, {Name: "number", Kind: "licence-number", Required: true},
		{Name: "expires", Kind: "date", As: "standing.expires", Required: true}}
	wrong := policies.CheckForm(asks, form, func(f policies.Field) []string {
		if f.Name == "body" {
			return append([]string{}, profession.Bodies...)
		}
		return nil
	}, c.Program.Day(v.person.At))
	if len(wrong) == 0 {
		err = s.Registry.RecordStanding(v.ctx(), v.by(form), registry.NewStanding{Request: c.Request.ID, Version: version,
			Body: form.Get("body"), Number: form.Get("number"), Expires: form.Get("expires")})
		wrong = fieldsOf(err)
	}
	if len(wrong) > 0 {
		return s.showCase(v, http.StatusUnprocessableEntity, form, wrong, "")
	}
	if changed := stale(err); changed != "" {
		return s.showCase(v, http.StatusConflict, form, nil, changed)
	}
	if err != nil {
		return err
	}
	return v.done("/desk/"+c.Request.Program+"/"+c.Request.ID, "standing")
}
