package mail

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"countersign/broker/locale"
	"countersign/broker/registry"
)

// writing is one letter being written.
type writing struct {
	s     *Sender
	kind  string
	words *locale.Words
	data  data
	args  []any                 // for the words: placeholder, value, …
	texts func() (Texts, error) // of the program
}

// letters writes the letter of a row in each of its languages.
func (s *Sender) letters(ctx context.Context, m registry.Mail) (letters, error) {
	var out letters
	for lang := range strings.SplitSeq(m.Locale, ",") {
		m.Locale = lang
		l, err := s.compose(ctx, m)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	for i := range out[1:] {
		out[i].Below = locale.For(out[i+1].Lang).T("mail.below")
		out[i].BelowLang = out[i+1].Lang
	}
	return out, nil
}

// compose writes the letter of a row, or says why it cannot be: an error that is
// ErrRefused for what will never do, ErrLater for what may.
func (s *Sender) compose(ctx context.Context, m registry.Mail) (letter, error) {
	k, ok := kinds[m.Kind]
	if !ok {
		return letter{}, fmt.Errorf("%w: there is no kind %q", ErrRefused, m.Kind)
	}
	if err := k.check(m.Data); err != nil {
		return letter{}, err
	}
	w := &writing{s: s, kind: m.Kind, words: locale.For(m.Locale), data: m.Data}
	program := k.home
	if p := m.Data["program"]; p != "" {
		program = p
	}
	w.texts = sync.OnceValues(func() (Texts, error) { return s.cfg.Texts(ctx, program) })
	if err := w.placeholders(k.shows); err != nil {
		return letter{}, err
	}
	l := letter{Lang: w.words.Lang(), Subject: w.say("subject"), Hello: w.words.T("mail.hello-you"),
		Fails: w.words.T("mail.button-fails"), NoAnswer: w.words.T("mail.no-answer"),
		Feedback: w.words.T("mail.feedback"), FeedbackURL: s.at("/feedback", "")}
	if m.Data["name"] != "" {
		l.Hello = w.words.T("mail.hello", w.args...)
	}
	if m.Data["ref"] != "" {
		l.Reference = w.words.T("mail.reference", w.args...)
	}
	if k.own != "" {
		var err error
		if l.Subject, err = w.ofProgram(k.own, l.Subject); err != nil {
			return letter{}, err
		}
	}
	for _, p := range k.parts {
		if p.when != nil && !p.when(m.Data) {
			continue
		}
		if err := w.add(&l, p); err != nil {
			return letter{}, err
		}
	}
	return l, nil
}

// check holds a row's data against the list of its kind (I11), and refuses
// characters that would begin a new line (A59). It never repeats a value.
func (k kind) check(d data) error {
	for key, value := range d {
		if !slices.Contains(k.shows, key) {
			return fmt.Errorf("%w: %q is not for this kind to show", ErrRefused, key)
		}
		if strings.ContainsFunc(value, breaksLine) {
			return fmt.Errorf("%w: %q has a control character", ErrRefused, key)
		}
		if (key == "request" || key == "secret") && !linkable.MatchString(value) {
			return fmt.Errorf("%w: %q cannot be in a link", ErrRefused, key)
		}
	}
	for _, key := range k.shows {
		if d[key] == "" && !slices.Contains(k.blank, key) {
			return fmt.Errorf("%w: %q is missing", ErrRefused, key)
		}
		if _, there := d[key]; !there {
			return fmt.Errorf("%w: %q is missing", ErrRefused, key)
		}
	}
	return nil
}

func breaksLine(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }

// placeholders makes the values that words may show. A request's id and a secret
// are not among them: they appear in links only.
func (w *writing) placeholders(shows []string) error {
	for _, key := range shows {
		switch key {
		case "name":
			w.args = append(w.args, "Name", inert(w.data[key]))
		case "who":
			w.args = append(w.args, "Who", inert(w.data[key]))
		case "site":
			w.args = append(w.args, "Site", inert(w.data[key]))
		case "signer":
			w.args = append(w.args, "Signer", inert(w.data[key]))
		case "ref":
			w.args = append(w.args, "Ref", w.data[key])
		case "user_name":
			w.args = append(w.args, "UserName", w.data[key])
		case "count":
			w.args = append(w.args, "Count", w.data[key])
		case "words":
			w.args = append(w.args, "Words", inert(w.data[key]))
		case "program":
			name, err := w.ofProgram("name", w.data[key])
			if err != nil {
				return err
			}
			w.args = append(w.args, "Program", name)
		case "role":
			name, err := w.ofProgram("role."+w.data[key]+".name", w.data[key])
			if err != nil {
				return err
			}
			w.args = append(w.args, "Role", name)
		case "at":
			at, err := time.Parse(time.RFC3339, w.data[key])
			if err != nil {
				return fmt.Errorf("%w: %q is no moment", ErrRefused, key)
			}
			w.args = append(w.args, "When", w.words.Moment(at, w.data["tz"]))
		case "until":
			day, err := w.lastDay()
			if err != nil {
				return err
			}
			w.args = append(w.args, "LastDay", day)
		}
	}
	return nil
}

// ofProgram gives a program's own text; where the program in force has it no
// longer, say of a role that it gave up, otherwise serves.
func (w *writing) ofProgram(key, otherwise string) (string, error) {
	texts, err := w.texts()
	if err != nil {
		return "", fmt.Errorf("%w: the program's words: %w", ErrLater, err)
	}
	return cmp.Or(texts(w.words.Lang(), key), otherwise), nil
}

// lastDay is the day on which access still holds, in the site's time zone: an
// end at midnight is the end of the day before.
func (w *writing) lastDay() (string, error) {
	if w.data["until"] == "" {
		return "", nil
	}
	until, err := time.Parse(time.RFC3339, w.data["until"])
	if err != nil {
		return "", fmt.Errorf("%w: %q is no moment", ErrRefused, "until")
	}
	return w.words.Date(until.Add(-time.Nanosecond), w.data["tz"]), nil
}

func (w *writing) say(key string) string {
	return w.words.T("mail."+w.kind+"."+key, w.args...)
}

// add appends what a part says; steps that follow one another are one list.
func (w *writing) add(l *letter, p part) error {
	var b block
	if p.link != "" {
		b.URL = w.link(p.link)
	}
	switch p.form {
	case paragraph, reference:
		b.Text = w.say(p.key)
	case heading:
		b.Heading = w.say(p.key)
	case button:
		b.Button = w.say(p.key)
	case ofProgram:
		said, err := w.ofProgram(p.key, "")
		if err != nil || said == "" {
			return err
		}
		b.Markdown = said
	case step:
		if n := len(l.Blocks); n > 0 && l.Blocks[n-1].Steps != nil {
			l.Blocks[n-1].Steps = append(l.Blocks[n-1].Steps, w.say(p.key))
			return nil
		}
		b.Steps = []string{w.say(p.key)}
	}
	l.Blocks = append(l.Blocks, b)
	return nil
}

// linkable is what may stand in a link: ids and secrets are made of nothing else.
var linkable = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

var inBraces = regexp.MustCompile(`\{([a-z_]+)\}`)

func (w *writing) link(pattern string) string {
	filled := inBraces.ReplaceAllStringFunc(pattern, func(k string) string { return w.data[k[1:len(k)-1]] })
	path, query, _ := strings.Cut(filled, "?")
	return w.s.at(path, query)
}

// at is an address of the portal. The public address of the configuration is the
// only source of links: no request's Host header ever gets here (A59).
func (s *Sender) at(path, query string) string {
	u := url.URL{Scheme: s.cfg.PublicURL.Scheme, Host: s.cfg.PublicURL.Host, RawQuery: query,
		Path: strings.TrimRight(s.cfg.PublicURL.Path, "/") + path}
	return u.String()
}

// inert spaces out what a mail reader would take for an address: anybody may
// type a name, and our mail must not carry their link to a stranger.
func inert(typed string) string { return addressLike.ReplaceAllString(typed, "$1 $2") }

var addressLike = regexp.MustCompile(`([.:])([\pL\pN/])`)
