package portal

import (
	"html/template"
	"net/http"
	"slices"
	"time"

	"countersign/policies"
)

// agreementsPage lists what people or their sites will be asked to sign (C11).
type agreementsPage struct {
	Page
	ID, Name    string
	About       template.HTML
	Declaration template.HTML
	Agreements  []agreementLine
}

func (*agreementsPage) view() string { return "agreements" }

// agreementLine is one agreement in the version in force.
type agreementLine struct {
	Name, Title string
	Version     int
	From        string
}

func (s *site) agreements(v *visit) error {
	program, err := v.program()
	if err != nil {
		return err
	}
	now, err := s.Registry.Now(v.ctx())
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, v.agreementsPage(program, now))
}

func (v *visit) agreementsPage(program *policies.Program, now time.Time) *agreementsPage {
	p := &agreementsPage{Page: v.page(v.words.T("agreements.title"), ""), ID: program.ID, Name: v.words.Program(program, "name"),
		About: markdown(v.words.Program(program, "agreements")), Declaration: markdown(v.words.Program(program, "declaration"))}
	for name, a := range program.Agreements {
		version, ok := a.Current(now)
		if !ok {
			continue
		}
		p.Agreements = append(p.Agreements, agreementLine{Name: name, Title: v.words.Program(program, "agreement."+name+".title"),
			Version: version.Number, From: v.words.Date(version.From, program.TimeZone)})
	}
	slices.SortFunc(p.Agreements, func(a, b agreementLine) int { return cmpStrings(a.Title, b.Title) })
	return p
}

// agreement shows one text whole, to read and not to sign.
func (s *site) agreement(v *visit) error {
	program, err := v.program()
	if err != nil {
		return err
	}
	now, err := s.Registry.Now(v.ctx())
	if err != nil {
		return err
	}
	p, err := v.agreementPage(program, v.param("agreement"), now)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, p)
}

func (v *visit) agreementPage(program *policies.Program, name string, now time.Time) (*textPage, error) {
	version, ok := program.Agreements[name].Current(now)
	if !ok {
		return nil, errNotFound
	}
	text, _ := version.Text(v.words.Lang())
	title := v.words.Program(program, "agreement."+name+".title")
	_, body := splitHeading(text.Markdown)
	return &textPage{Page: v.page(title, ""), ID: program.ID, Name: v.words.Program(program, "name"),
		Sample: v.words.T("agreement.sample", "Version", version.Number, "From", v.words.Date(version.From, program.TimeZone)),
		Text:   markdownBelow(body)}, nil
}
