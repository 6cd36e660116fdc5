package portal

import (
	"net/http"

	"countersign/broker/registry"
	"countersign/policies"
)

// attestation is where My access and the tracker lead to sign what is missing
// after the request was sent: a statement that has run out, or a newer text.
// The site is part of the address for a statement that counts at one site only.
func (s *site) attestation(v *visit) error { return s.showAttestation(v, http.StatusOK, false) }

func (s *site) showAttestation(v *visit, status int, unticked bool) error {
	program, name, err := s.attestationOf(v)
	if err != nil {
		return err
	}
	d, err := s.Registry.Displayed(v.ctx(), v.person.Account.ID, program.ID, name, v.words.Lang())
	if err != nil {
		return err
	}
	p := &signPage{Page: v.page(v.words.T("sign.title"), ""), Language: d.Language, Text: markdown(d.Markdown), Version: d.Version,
		Display: d.ID, Action: v.r.URL.Path, Back: "/access"}
	p.Ahead = v.ahead(program, policies.ToSign)
	p.Agree, p.Problems = v.agreeBox(v.words.T("sign.agree"), unticked)
	return v.show(status, p)
}

// attestationOf finds the agreement of the address among those that a role asks
// people to sign.
func (s *site) attestationOf(v *visit) (*policies.Program, string, error) {
	program, err := v.program()
	if err != nil {
		return nil, "", err
	}
	for _, role := range program.Roles {
		for _, n := range role.Needs {
			if n.Kind == policies.NeedAttest && n.Agreement == v.param("agreement") && (n.Per == "site") == (v.param("site") != "") {
				return program, n.Agreement, nil
			}
		}
	}
	return nil, "", errNotFound
}

func (s *site) attestationSend(v *visit) error {
	program, name, err := s.attestationOf(v)
	if err != nil {
		return err
	}
	form, err := v.form(fields{one: []string{"display", "agree"}})
	if err != nil {
		return err
	}
	if form.Get("agree") != "yes" {
		return s.showAttestation(v, http.StatusUnprocessableEntity, true)
	}
	if id := v.param("site"); id != "" {
		if _, err := s.Registry.OpenSite(v.ctx(), id); err != nil {
			return err
		}
	}
	if err := s.Registry.Attest(v.ctx(), v.by(form), program.ID, name, form.Get("display"), v.param("site")); err != nil {
		return err
	}
	return v.done("/access", "signed")
}

// signAt is the address of the page for a need; site where it counts at one only.
func signAt(p *policies.Program, n registry.NeedView, site string) string {
	at := "/sign/" + p.ID + "/" + n.Need.Agreement
	if n.Need.Per == "site" {
		at += "/" + site
	}
	return at
}
