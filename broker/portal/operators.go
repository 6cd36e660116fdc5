package portal

import (
	"net/http"
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

// operatorsPage is who operates a program, and a form to invite another.
type operatorsPage struct {
	Page
	ID        string
	Operators []operatorLine
	Invite    []control
}

func (*operatorsPage) view() string { return "operators" }

// operatorLine is somebody who holds a role, or an invitation to it.
type operatorLine struct {
	Name, Role, Since string
	State             tag
}

func (s *site) operators(v *visit) error {
	return s.showOperators(v, http.StatusOK, url.Values{}, nil)
}

func (s *site) showOperators(v *visit, status int, form url.Values, wrong map[string]string) error {
	program := v.param("program")
	list, err := s.Registry.Operators(v.ctx(), v.person.Account.ID, program)
	if err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	return v.show(status, v.operatorsPage(at, program, list, form, wrong))
}

func (v *visit) operatorsPage(at places, program string, list []registry.Operator, form url.Values, wrong map[string]string) *operatorsPage {
	p := &operatorsPage{Page: v.page(v.words.T("operators.title"), at.program(program)), ID: program}
	p.Ahead = v.ahead(at.ps[program], policies.ToDecide)
	for _, o := range list {
		line := operatorLine{Name: o.Name + " (" + o.UserName + ")", Role: at.role(policies.OperatorProgram, o.Role), Since: v.words.Date(o.Since, "UTC"), State: v.stateTag("operator", "live")}
		if o.Email != "" {
			line.Name, line.State = o.Email, v.stateTag("operator", "invited")
		}
		p.Operators = append(p.Operators, line)
	}
	var roles []option
	if operators := at.ps[policies.OperatorProgram]; operators != nil {
		for _, r := range operators.Roles {
			roles = append(roles, option{Value: r.Code, Label: at.role(operators.ID, r.Code), Hint: v.words.Program(operators, "role."+r.Code+".about")})
		}
	}
	p.Invite = []control{choice("role", v.words.T("operators.role"), "", form.Get("role"), roles),
		input("email", "email", v.words.T("operators.email"), v.words.T("operators.email-hint"), form.Get("email"))}
	p.Problems = mark(p.Invite, v.messages(wrong))
	return p
}

func (s *site) inviteOperator(v *visit) error {
	form, wrong, err := v.invited()
	if err != nil {
		return err
	}
	if len(wrong) == 0 {
		err = s.Registry.InviteOperator(v.ctx(), v.by(form), v.param("program"), form.Get("role"), policies.Tidy("email", form.Get("email")))
		wrong = fieldsOf(err)
	}
	if len(wrong) > 0 {
		return s.showOperators(v, http.StatusUnprocessableEntity, form, wrong)
	}
	if err != nil {
		return err
	}
	return v.done("/desk/"+v.param("program")+"/operators", "operator-invited")
}
