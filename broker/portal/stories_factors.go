package portal

import (
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

// factorStories are the pages on which a lost second factor is reset.
func factorStories(v *visit, at places, p *policies.Program) []story {
	const send = "/sites/0198a9a8-2222-7000-8000-000000000000/members/0198a9a8-3333-7000-8000-000000000000/factors"
	may := policies.Answer{OK: true, Capacity: policies.ByGroupAdministrator}
	f := registry.FactorsPage{Account: ben, Site: cedar, Program: p, May: may}
	asked, done := f, f
	asked.Asked, done.Asked, done.Done = moment(noon), moment(noon), true
	mays := registry.FactorsPage{Account: mallory, Program: p, May: policies.Answer{Reasons: []string{policies.OperatorFactors}}}
	return []story{
		{"factors", asMember(v.factorsPage(at, f, send, url.Values{}, nil))},
		{"factors-asked", asMember(v.factorsPage(at, asked, send, url.Values{}, nil))},
		{"factors-done", asMember(v.factorsPage(at, done, send, url.Values{}, nil))},
		{"factors-not", asMember(v.factorsPage(at, mays, send, url.Values{}, nil))},
		{"factors-wrong", asMember(v.factorsPage(at, f, send, url.Values{"words": {hostile}}, map[string]string{"reasons": "error.reason-needed", "words": "field-error.required"}))},
		{"find-account", asMember(v.findPage(at, p.ID, url.Values{}, nil))},
		{"find-account-wrong", asMember(v.findPage(at, p.ID, url.Values{"user-name": {hostile}}, map[string]string{"user-name": "error.no-such-account"}))},
	}
}
