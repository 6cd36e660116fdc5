package look

import (
	"embed"
	"errors"
	"strings"

	"github.com/chromedp/chromedp"
)

// The folder always holds manifest.txt, so that a build succeeds before
// assets.sh has brought axe-core.
//
//go:embed axe
var files embed.FS

// rules are those of WCAG 2.2 AA and what axe-core calls best practice. Where
// axe-core cannot tell whether a contrast is enough, neither can a reader.
const rules = `axe.run(document, {
	runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
	resultTypes: ["violations", "incomplete"],
}).then(r => r.violations.concat(r.incomplete.filter(i => i.id === "color-contrast")).flatMap(v =>
	v.nodes.map(n => v.id + ": " + n.target.join(" ") + ": " + (n.any.concat(n.all, n.none).map(c => c.message).join("; ") || v.help))))`

// Axe lists what axe-core objects to on the page.
func (t *Tab) Axe() ([]string, error) {
	source, err := files.ReadFile("axe/axe.min.js")
	if err != nil {
		return nil, errors.New("look: axe-core is not there: run `sh broker/portal/assets.sh tests`")
	}
	if err := t.do(chromedp.EvaluateAsDevTools[chromedp.Void](string(source))); err != nil {
		return nil, err
	}
	return ask[[]string](t, rules)
}

// Fits lists what does not fit the width of the window, and text that is cut off.
func (t *Tab) Fits() ([]string, error) {
	return ask[[]string](t, strings.ReplaceAll(fits, "NAME", name))
}

// name says which element is meant.
const name = `(e => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (typeof e.className === "string" && e.className ? "." + e.className.trim().split(/\s+/).join(".") : "") + " “" + (e.innerText || e.name || "").trim().slice(0, 40) + "”")`

const fits = `(() => {
	const name = NAME, out = [], width = document.documentElement.clientWidth
	const hidden = e => e.closest(".usa-sr-only, .usa-skipnav, .usa-radio__input, .usa-checkbox__input")
	if (document.documentElement.scrollWidth > width) out.push("the page is " + document.documentElement.scrollWidth + " pixels wide, the window " + width)
	for (const e of document.body.querySelectorAll("*")) {
		const r = e.getBoundingClientRect(), s = getComputedStyle(e)
		if (r.width === 0 || s.visibility === "hidden" || hidden(e)) continue
		if (r.right > width + 1 || r.left < -1 && r.right > 0) out.push(name(e) + " reaches from " + Math.round(r.left) + " to " + Math.round(r.right))
		if (!e.matches("input, select, textarea") && /hidden|clip/.test(s.overflowX) && e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 1) out.push(name(e) + " is cut off")
	}
	return out.slice(0, 10)
})()`
