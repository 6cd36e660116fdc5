package look

import (
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Keys goes through the page by keyboard alone, as somebody does who has no
// mouse: Tab from the top until the focus leaves the page. It lists controls
// that Tab does not reach, comes to in another order than the eye does, or
// keeps the focus in; where the focus cannot be seen; and a skip link, a
// disclosure, a box or a radio button that its key does not move. Meant for the
// width of a phone, where the order of the eye is from top to bottom. Nothing is
// sent: links and buttons are reached and not pressed.
func (t *Tab) Keys() ([]string, error) {
	if err := t.do(chromedp.EvaluateAsDevTools[chromedp.Void](strings.ReplaceAll(keys, "NAME", name))); err != nil {
		return nil, err
	}
	out, err := t.skip()
	if err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		if n > 400 {
			return append(out, "Tab never leaves the page"), nil
		}
		if err := t.do(chromedp.KeyEvent(kb.Tab)); err != nil {
			return nil, err
		}
		step, err := ask[struct {
			Done  bool
			Found []string
			Press string // what the focus is on, if a key must move it: summary, box
		}](t, "look.step()")
		if err != nil {
			return nil, err
		}
		out = append(out, step.Found...)
		if step.Done {
			break
		}
		for range 1 + strings.Count(step.Press, "box") { // a box is set back as it was
			if err := t.press(step.Press); err != nil {
				return nil, err
			}
			moved, err := ask[string](t, "look.moved()")
			if err != nil {
				return nil, err
			}
			if moved != "" {
				out = append(out, moved)
			}
		}
	}
	left, err := ask[[]string](t, "look.left()")
	return append(out, left...), err
}

// skip tries the first stop, the link past the header, and starts anew.
func (t *Tab) skip() ([]string, error) {
	if err := t.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter)); err != nil {
		return nil, err
	}
	at, err := ask[string](t, `look.restart()`)
	if err != nil || at == "MAIN" {
		return nil, err
	}
	return []string{fmt.Sprintf("the skip link leads to %s and not to the main part", at)}, nil
}

func (t *Tab) press(what string) error {
	switch {
	case what == "summary":
		return t.do(chromedp.KeyEvent(kb.Enter))
	case what != "":
		return t.do(chromedp.KeyEvent(" "))
	}
	return nil
}

// keys keeps, in the page, what has been reached. A group of radio buttons is
// one stop.
const keys = `window.look = (() => {
	const name = NAME, reached = new Set()
	let last = null, before = null, parts = 0
	const shown = e => e.checkVisibility({visibilityProperty: true}) && e.getBoundingClientRect().width > 0
	const label = e => e.matches(".usa-radio__input, .usa-checkbox__input") && e.labels.length ? e.labels[0] : e
	const style = e => { const s = getComputedStyle(label(e)); return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.backgroundColor].join() }
	const visible = e => {
		const on = style(e); let ring = getComputedStyle(label(e)).outlineStyle !== "none" && parseFloat(getComputedStyle(label(e)).outlineWidth) >= 2
		return ring || getComputedStyle(label(e), "::before").outlineStyle !== "none" || getComputedStyle(label(e)).boxShadow !== "none"
	}
	return {
		restart() { const at = document.activeElement.tagName; document.activeElement.blur(); scrollTo(0, 0); history.replaceState(null, "", location.pathname); document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute("tabindex"); return at },
		step() {
			const e = document.activeElement, found = []
			if (e && e === last && e.type === "date" && ++parts < 8) return {Done: false, Found: found, Press: ""} // day, month, year and the calendar are stops of their own
			if (!e || e === document.body || reached.has(e)) {
				if (e && e === last) found.push("Tab stays on " + name(e))
				return {Done: true, Found: found, Press: ""}
			}
			reached.add(e)
			const r = label(e).getBoundingClientRect(), top = r.top + scrollY
			if (e.tabIndex > 0) found.push(name(e) + " has a place of its own in the order")
			if (last && last.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_PRECEDING) found.push(name(e) + " comes after " + name(last))
			if (last && top + r.height <= before - 1) found.push(name(e) + " is above " + name(last) + " and comes after it")
			if (!visible(e)) found.push("the focus on " + name(e) + " cannot be seen")
			if (r.bottom < 0 || r.top > innerHeight) found.push(name(e) + " has the focus outside of the window")
			else {
				const hit = document.elementFromPoint(Math.min(Math.max(r.left + r.width / 2, 1), innerWidth - 1), Math.min(Math.max(r.top + Math.min(r.height, 30) / 2, 1), innerHeight - 1))
				const area = label(e)
				if (hit && !area.contains(hit) && !hit.contains(area)) found.push(name(e) + " has the focus behind " + name(hit))
			}
			last = e; before = top; parts = 0
			const press = e.matches("summary") ? (e.parentElement.open ? "" : "summary") : e.matches("[type=checkbox]") ? "box" : e.matches("[type=radio]") && !e.checked ? "radio" : ""
			this.was = e.checked
			return {Done: false, Found: found, Press: press}
		},
		moved() {
			const e = last
			if (e.matches("summary")) return e.parentElement.open ? "" : "Enter does not open " + name(e)
			const before = this.was; this.was = e.checked
			return e.matches("[type=radio]") ? (e.checked ? "" : "Space does not choose " + name(e)) : e.matches("[type=checkbox]") && e.checked === before ? "Space does not tick " + name(e) : ""
		},
		left() {
			const groups = new Set([...reached].filter(e => e.type === "radio").map(e => e.name))
			return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
				.filter(e => shown(e) && !e.disabled && !reached.has(e) && !(e.type === "radio" && groups.has(e.name)) && !(e.closest("dialog") && !e.closest("dialog").open))
				.map(e => "Tab does not reach " + name(e))
		},
	}
})()`
