package portal

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"time"

	"countersign/broker/registry"
	"countersign/policies"
)

// membersPage is a site as its administrators see it.
type membersPage struct {
	Page
	ID             string
	Members        []memberLine
	Administrators string // how many, of how many that are wanted
	Few            bool   // fewer than wanted
	Name           control
	MayName        bool
	Others         []endLine // ended lately
}

func (*membersPage) view() string { return "members" }

// memberLine is one membership, held or asked for.
type memberLine struct {
	Name, UserName, Role string
	State                tag
	Since, Until         string
	Word                 []string // on whose word it is held, or whose is missing
	Confirm              string   // where its request can be decided
	Factors              string   // where a lost second factor is reset
	End, CallOff         string   // addresses; empty where it is not so
	Self                 bool
}

func (s *site) members(v *visit) error { return s.showMembers(v, http.StatusOK, "", "") }

func (s *site) showMembers(v *visit, status int, chosen, wrong string) error {
	m, err := s.Registry.Members(v.ctx(), v.person.Account.ID, v.param("site"))
	if err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	ends, err := s.Registry.EndsAt(v.ctx(), v.person.Account.ID, m.Site.ID)
	if err != nil {
		return err
	}
	p := v.membersPage(at, m, chosen, wrong)
	p.Others = v.endLines(at, ends)
	p.Late = cmp.Or(p.Late, v.lateNotice(oldestOpen(ends)))
	return v.show(status, p)
}

func (v *visit) membersPage(at places, m registry.MembersPage, chosen, wrong string) *membersPage {
	word, wanted := v.words.Program(m.Program, "site.word"), m.Program.Sites.Wanted
	p := &membersPage{Page: v.page(v.words.T("members.title", "Site", m.Site.Name), v.words.T("members.lead", "Site", word)), ID: m.Site.ID,
		Administrators: v.words.T("members.administrators", "Have", m.Administrators, "Wanted", wanted, "Least", m.Program.Sites.Least), Few: m.Administrators < wanted}
	p.Ahead = v.ahead(m.Program, policies.ToDecide)
	named := map[string]bool{}
	var waits time.Time
	for _, x := range m.Members {
		if x.Held && !x.Ready {
			waits = earlier(waits, x.Since)
		}
		p.Members = append(p.Members, v.memberLine(at, m, x))
		if x.Role == m.Program.Sites.AdministeredBy {
			named[x.Account] = true
		}
	}
	p.Late = v.lateNotice(waits)
	var options []option
	for _, x := range m.Members {
		if !named[x.Account] && !x.Self {
			named[x.Account] = true
			options = append(options, option{Value: x.Account, Label: x.Name + " (" + x.UserName + ")"})
		}
	}
	p.MayName = len(options) > 0
	p.Name = choice("account", v.words.T("members.name"), v.words.T("members.name-hint"), chosen, options)
	p.Name.Choose = v.words.T("ask.choose")
	if wrong != "" {
		asks := []control{p.Name}
		p.Problems = mark(asks, map[string]string{"account": v.words.T(wrong)})
		p.Name = asks[0]
	}
	return p
}

func (v *visit) memberLine(at places, m registry.MembersPage, x registry.Member) memberLine {
	zone, program := m.Site.TZ, m.Site.Program
	line := memberLine{Name: x.Name, UserName: x.UserName, Role: at.role(program, x.Role), Self: x.Self,
		State: v.stateTag("access-state", "waiting"), Since: v.words.Date(x.Since, zone), Until: v.words.T("members.not-yet")}
	switch {
	case x.Held && !x.Ready:
		line.State = v.stateTag("access-state", "being-set-up")
	case x.Held && x.Planned:
		line.State = v.stateTag("access-state", "ending")
	case x.Held:
		line.State = v.stateTag("access-state", "ready")
	}
	if x.Held {
		line.Until = v.until(x.Until, zone)
		line.Word = at.why(program, zone, x.Word)
	}
	mine := false
	for _, n := range x.Waits {
		line.Word = append(line.Word, v.needText(m.Program, n.Need, false)+": "+v.whoHas(n, false, 0))
		mine = mine || n.Mine && !registrarDecides(n.As)
	}
	switch {
	case x.Request == "" || x.Self:
	case mine:
		line.Confirm = "/inbox/" + x.Request
	case m.Registrar && x.Mine:
		line.Confirm = "/desk/" + program + "/" + x.Request
	}
	if !x.Self {
		line.Factors = "/sites/" + m.Site.ID + "/members/" + x.Join + "/factors"
	}
	if x.MayEnd {
		line.End = "/sites/" + m.Site.ID + "/members/" + x.Join + "/end"
		if x.Planned {
			line.CallOff = "/sites/" + m.Site.ID + "/members/" + x.Join + "/call-off"
		}
	}
	return line
}

// nameAdministrator proposes a member as a further administrator; a registrar
// confirms.
func (s *site) nameAdministrator(v *visit) error {
	form, err := v.form(fields{one: []string{"account"}})
	if err != nil {
		return err
	}
	if form.Get("account") == "" {
		return s.showMembers(v, http.StatusUnprocessableEntity, "", "field-error.choose")
	}
	if err := s.Registry.NameAdministrator(v.ctx(), v.by(form), v.param("site"), form.Get("account")); err != nil {
		return err
	}
	return v.done("/sites/"+v.param("site")+"/members", "administrator-named")
}

// memberOf finds the membership of the address at the site of the address.
func (s *site) memberOf(v *visit) (m registry.MembersPage, x registry.Member, err error) {
	if m, err = s.Registry.Member(v.ctx(), v.person.Account.ID, v.param("site"), v.param("join")); err != nil {
		return m, x, err
	}
	return m, m.Members[0], nil
}

func (s *site) endMember(v *visit) error {
	return s.showEndMember(v, http.StatusOK, url.Values{}, nil)
}

func (s *site) showEndMember(v *visit, status int, form url.Values, wrong map[string]string) error {
	m, x, err := s.memberOf(v)
	if err != nil {
		return err
	}
	_, dependants, err := s.Registry.IfJoinEnds(v.ctx(), v.person.Account.ID, x.Join)
	if err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	return v.show(status, v.endMemberPage(at, m, x, dependants, form, wrong))
}

func (v *visit) endMemberPage(at places, m registry.MembersPage, x registry.Member, dependants []registry.Dependant, form url.Values, wrong map[string]string) *endPage {
	back := "/sites/" + m.Site.ID + "/members"
	role, _ := m.Program.Role(x.Role)
	p := &endPage{Page: v.page(v.words.T("end-member.title", "Name", x.Name), v.words.T("end-member.lead")), Send: back + "/" + x.Join + "/end", Back: back,
		Button: v.words.T("end-member.send"), Dependants: v.dependantLines(dependants), Rests: role.Can(policies.Authorize),
		About: []answered{{v.words.T("item.user-name"), x.UserName}, {v.words.T("end.role"), at.role(m.Site.Program, x.Role)}, {v.words.T("end.site"), at.site(m.Site)}}}
	p.Ahead = v.ahead(m.Program, policies.ToDecide)
	p.Controls = append(v.whenControls(form), v.reasonsControl("reasons", v.words.T("end-member.reasons"), "", endCodes, form["reasons"]), v.noteControl(form))
	p.Problems = mark(p.Controls, v.messages(wrong))
	return p
}

// endMemberSend deactivates, now or after a last day. Whether it may is the
// registry's to say, also of a form that comes twice: the membership may be over.
func (s *site) endMemberSend(v *visit) error {
	form, err := v.form(fields{one: []string{"when", "last"}, text: []string{"words"}, many: []string{"reasons"}})
	if err != nil {
		return err
	}
	wrong := checkReasons(form, endCodes)
	last, day := lastDay(form)
	maps.Copy(wrong, day)
	if len(wrong) == 0 {
		err = s.Registry.Deactivate(v.ctx(), v.by(form), v.param("join"), last, form["reasons"], form.Get("words"))
		wrong = fieldsOf(err)
	}
	switch {
	case len(wrong) > 0:
		return s.showEndMember(v, http.StatusUnprocessableEntity, form, wrong)
	case err != nil:
		return err
	case last != "":
		return v.done("/sites/"+v.param("site")+"/members", "end-planned")
	}
	return v.ended(v.by(form), "/sites/"+v.param("site")+"/members", "deactivated")
}

func (s *site) memberCallOff(v *visit) error {
	return s.press(v, "/sites/"+v.param("site")+"/members", "called-off", func(by registry.By) error {
		return s.Registry.CallOff(v.ctx(), by, v.param("join"))
	})
}
