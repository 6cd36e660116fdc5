package portal

import (
	"html/template"
	"net/http"
	"strings"

	"countersign/policies"
)

// programPage says, before any sign-in, who is eligible and for what (C1 to
// C3), what it takes and how long (C5), and where the guides are (C6, C8, C16).
type programPage struct {
	Page
	ID                 string
	Site               string // the word for its sites
	Eligibility, Takes template.HTML
	Roles              []roleCard
}

func (*programPage) view() string { return "program" }

// roleCard is one role with the way to its guide.
type roleCard struct {
	Code, Name, About string
	Professions       []string
	Ask               bool // anyone may ask for it; otherwise one is invited or named
}

func (s *site) program(v *visit) error {
	program, err := v.program()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, v.programPage(program))
}

func (v *visit) programPage(program *policies.Program) *programPage {
	say := func(key string) string { return v.words.Program(program, key) }
	return &programPage{
		Page: v.page(say("name"), say("about")), ID: program.ID, Site: say("site.word"),
		Eligibility: markdown(say("eligibility")), Takes: markdown(say("time")), Roles: roleCards(v, program),
	}
}

// triagePage leads a person to their role before anything is asked of them, and
// tells those whom the program is not for (C1 to C3, C7, C17 to C21).
type triagePage struct {
	Page
	ID, Name, Site string
	Roles          []roleCard
	Eligibility    template.HTML
}

func (*triagePage) view() string { return "triage" }

func (s *site) triage(v *visit) error {
	program, err := v.program()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, v.triagePage(program))
}

func (v *visit) triagePage(program *policies.Program) *triagePage {
	say := func(key string) string { return v.words.Program(program, key) }
	return &triagePage{
		Page: v.page(v.words.T("triage.title"), v.words.T("triage.lead", "Program", say("name"))),
		ID:   program.ID, Name: say("name"), Site: say("site.word"), Roles: roleCards(v, program), Eligibility: markdown(say("eligibility")),
	}
}

func roleCards(v *visit, program *policies.Program) []roleCard {
	var out []roleCard
	for _, r := range program.Roles {
		card := roleCard{Code: r.Code, Name: v.words.Program(program, "role."+r.Code+".name"),
			About: v.words.Program(program, "role."+r.Code+".about"), Ask: r.Entry != policies.EntryInvitation}
		for _, p := range r.Professions {
			card.Professions = append(card.Professions, v.words.Program(program, "profession."+p))
		}
		out = append(out, card)
	}
	return out
}

// textPage is one longer text of a program: a guide, a sample agreement.
type textPage struct {
	Page
	ID, Name string // the program
	Text     template.HTML
	Sample   string // what to know about a text that is shown and not signed; may be empty
	Begin    string // where the reader can begin; may be empty
	BeginAs  string // the words for it
}

func (*textPage) view() string { return "text" }

// guide shows the overview (C6), the way to register a site (C8), or a role's
// quick start (C16).
func (s *site) guide(v *visit) error {
	program, err := v.program()
	if err != nil {
		return err
	}
	p, err := v.guidePage(program, v.param("guide"))
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, p)
}

func (v *visit) guidePage(program *policies.Program, name string) (*textPage, error) {
	p := &textPage{ID: program.ID, Name: v.words.Program(program, "name")}
	key, title := "guide."+name, "guide.title."+name
	switch role, isRole := program.Role(name); {
	case name == "overview":
		p.Begin, p.BeginAs = "/programs/"+program.ID+"/start", v.words.T("program.start")
	case name == "site":
		p.Begin, p.BeginAs = "/requests/new/"+program.ID+"/site", v.words.T("program.request-site", "Site", v.words.Program(program, "site.word"))
	case isRole:
		key, title = "guide.role."+name, "guide.title.role"
		if role.Entry != policies.EntryInvitation {
			p.Begin, p.BeginAs = "/requests/new/"+program.ID+"/join?role="+name, v.words.T("program.ask-to-join")
		}
	default:
		return nil, errNotFound
	}
	text, ok := v.words.ProgramText(program, key)
	if !ok {
		return nil, errNotFound
	}
	heading, rest := splitHeading(text)
	if heading == "" {
		heading = v.words.T(title)
	}
	p.Page, p.Text = v.page(heading, ""), markdownBelow(rest)
	return p, nil
}

// splitHeading takes the heading with which a text begins as the page's title.
func splitHeading(text string) (heading, rest string) {
	text = strings.TrimSpace(text)
	first, rest, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(first, "#") {
		return "", text
	}
	return strings.TrimSpace(strings.TrimLeft(first, "#")), rest
}

// program finds the program of the address.
func (v *visit) program() (*policies.Program, error) {
	programs, err := v.Registry.Programs(v.ctx())
	if err != nil {
		return nil, err
	}
	for _, p := range public(programs) {
		if p.ID == v.param("program") {
			return p, nil
		}
	}
	return nil, errNotFound
}
