package portal

import (
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

// idleStories are the pages of a session that paused or ended, and of what was
// typed meanwhile.
func idleStories(v *visit, _ places, _ *policies.Program) []story {
	idle := func(kept bool) *idlePage {
		p := asStranger(&idlePage{Page: v.page(v.words.T("idle.title"), ""), Name: ana.Name(), Return: "/access", Kept: kept})
		p.FormToken = "form-token"
		return p
	}
	over := idle(true)
	over.Title, over.Over = v.words.T("idle.over-title"), true
	typed := registry.KeptForm{To: "/inbox/" + requestID, Page: "/inbox/" + requestID,
		Fields: url.Values{"verdict": {"refuse"}, "words": {hostile}, "version": {"3"}, "reasons": {"gone"}}}
	signing := registry.KeptForm{To: "/sign/careconnect/access-agreement", Page: "/sign/careconnect/access-agreement", Fields: url.Values{"agree": {"yes"}, "display": {"x"}}}
	page := []byte(`<h1>` + v.words.T("kept.title") + `</h1><form><fieldset><legend>` + v.words.T("idle.title") + `</legend><input type="radio" id="r" name="verdict" value="refuse">
		<label for="r">` + v.words.T("kept.send") + `</label></fieldset><label for="w">` + v.words.T("kept.answer") + `</label><textarea id="w" name="words"></textarea></form>`)
	return []story{
		{"signed-out", asStranger(&signedOutPage{Page: v.page(v.words.T("signed-out.title"), v.words.T("signed-out.lead"))})},
		{"idle", idle(false)},
		{"idle-kept", idle(true)},
		{"idle-over", over},
		{"continue", asMember(v.continuePage(typed, page))},
		{"continue-sign", asMember(v.continuePage(signing, page))},
		{"continue-gone", asMember(v.continuePage(typed, nil))},
		{"continue-gone-empty", asMember(v.continuePage(registry.KeptForm{}, nil))},
	}
}
