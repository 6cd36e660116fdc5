package portal

import (
	"net/url"
	"strings"
	"testing"

	"countersign/broker/locale"
	"countersign/broker/registry"
)

const twoForms = `<!DOCTYPE html><html><body><main>
<form method="post" action="/inbox/x"><input type="hidden" name="form_token" value="new"><input type="hidden" name="op" value="o2"><input type="hidden" name="version" value="4">
<input type="hidden" name="need" value="first"><input type="radio" name="verdict" value="approve" checked><textarea name="words">before</textarea><button>Send</button></form>
<form method="post"><input type="hidden" name="form_token" value="new"><input type="hidden" name="op" value="o2"><input type="hidden" name="version" value="4">
<input type="hidden" name="need" value="second"><fieldset><legend>Your <b>verdict</b></legend><input type="radio" id="a" name="verdict" value="approve" checked><label for="a">Yes</label>
<input type="radio" id="b" name="verdict" value="refuse"><label for="b">No</label></fieldset><input type="checkbox" name="reasons" value="left"><input type="checkbox" name="reasons" value="misuse" checked>
<label for="w">Words</label><textarea id="w" name="words">before</textarea><select name="city"><option value="">?</option><option value="a" selected>A</option><option value="b">B</option></select>
<input name="day" value="1"><input type="checkbox" name="agree" value="yes"><button name="go" value="on">Send</button></form></main></body></html>`

func kept(fields url.Values) registry.KeptForm {
	return registry.KeptForm{To: "/inbox/x", Page: "/inbox/x", Fields: fields}
}

// What was typed goes into the very form that it was typed into, in place of
// what stands there, with the page's own token, version and operation; a box that
// signs stays unticked; and nothing of it is markup.
// proves: B29 attack A26 attack A57
func TestRefill(t *testing.T) {
	t.Parallel()
	k := kept(url.Values{"need": {"second"}, "version": {"3"}, "verdict": {"refuse"}, "reasons": {"left"}, "words": {"</textarea><b>"}, "city": {"b"}, "day": {`"2`}, "agree": {"yes"}, "go": {"on"}})
	page, ok := refill([]byte(twoForms), k, "Not sent <yet>")
	if !ok {
		t.Fatal("there is no such form")
	}
	first, second, _ := strings.Cut(string(page), `value="second"`)
	for _, want := range []string{`value="approve" checked=""/><textarea name="words">before</textarea>`, "Not sent &lt;yet&gt;"} {
		if !strings.Contains(first, want) {
			t.Errorf("before the form there is no %s: %s", want, first)
		}
	}
	for _, want := range []string{`value="refuse" checked=""`, `value="left" checked=""`, `name="words">&lt;/textarea&gt;&lt;b&gt;</textarea>`, `<option value="b" selected="">`,
		`name="day" value="&#34;2"`, `name="agree" value="yes"/>`, `value="approve"/>`, `value="misuse"/>`, `<option value="a">`} {
		if !strings.Contains(second, want) {
			t.Errorf("the form lacks %s: %s", want, second)
		}
	}
	if strings.Count(string(page), `name="version" value="4"`) != 2 || strings.Count(string(page), `name="op" value="o2"`) != 2 {
		t.Error("the version or the operation is not the page's own")
	}
}

// A page that has not a place for each answer is left as it is.
func TestRefillNeedsThePlace(t *testing.T) {
	t.Parallel()
	for what, k := range map[string]registry.KeptForm{
		"another need":       kept(url.Values{"need": {"third"}, "verdict": {"approve"}}),
		"no need":            kept(url.Values{"verdict": {"approve"}}),
		"an unknown option":  kept(url.Values{"need": {"second"}, "verdict": {"perhaps"}}),
		"an unknown city":    kept(url.Values{"need": {"second"}, "city": {"c"}}),
		"an unknown field":   kept(url.Values{"need": {"second"}, "more": {"x"}}),
		"sent elsewhere":     {To: "/inbox/y", Page: "/inbox/x", Fields: url.Values{"need": {"second"}}},
		"from another place": {To: "/inbox/x", Page: "/desk", Fields: url.Values{"need": {"second"}}},
	} {
		if page, ok := refill([]byte(twoForms), k, ""); ok {
			t.Errorf("%s: %s", what, page)
		}
	}
	if _, ok := refill(nil, kept(nil), ""); ok {
		t.Error("a page that is not there takes it")
	}
	if _, ok := refill([]byte(twoForms), kept(url.Values{"need": {"second"}, "more": {""}}), ""); !ok {
		t.Error("an empty answer needs a place")
	}
}

// What cannot go back into its page is told in that page's words, in its order;
// what has no words there is shown without; and what signs is not sent for anybody.
func TestContinuePage(t *testing.T) {
	t.Parallel()
	v := &visit{words: locale.For("en")}
	k := kept(url.Values{"need": {"third"}, "version": {"3"}, "verdict": {"refuse"}, "words": {"No."}, "city": {"c"}})
	p := v.continuePage(k, []byte(twoForms))
	want := []answered{{"Your verdict", "No"}, {"Words", "No."}, {"Your answer", "c"}}
	if len(p.Typed) != 3 || p.Typed[0] != want[0] || p.Typed[1] != want[1] || p.Typed[2] != want[2] {
		t.Errorf("typed %+v, want %+v", p.Typed, want)
	}
	if p.To != "/inbox/x" || len(p.Fields) != 5 {
		t.Errorf("sends %v to %q", p.Fields, p.To)
	}
	k.Fields.Set("agree", "yes")
	if p := v.continuePage(k, []byte(twoForms)); p.To != "" || p.At == "" {
		t.Errorf("a signature is sent to %q", p.To)
	}
	if p := v.continuePage(k, nil); p.To != "" || p.At != "" || len(p.Typed) == 0 {
		t.Errorf("a page that is not there: %+v", p)
	}
}
