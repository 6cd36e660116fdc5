package portal

import (
	"html/template"
	"net/http"

	"countersign/policies"
)

// feedbackPage says where to write to (C26) and which browsers are meant (C25).
// Nothing is sent from here: a message that we kept would need a sign-in first.
type feedbackPage struct {
	Page
	Programs []feedbackOf
}

func (*feedbackPage) view() string { return "feedback" }

type feedbackOf struct {
	Name              string
	Feedback, Browser template.HTML
}

func (s *site) feedback(v *visit) error {
	programs, err := s.Registry.Programs(v.ctx())
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, v.feedbackPage(programs))
}

func (v *visit) feedbackPage(programs policies.Programs) *feedbackPage {
	p := &feedbackPage{Page: v.page(v.words.T("feedback.title"), v.words.T("feedback.lead"))}
	for _, program := range public(programs) {
		p.Programs = append(p.Programs, feedbackOf{Name: v.words.Program(program, "name"),
			Feedback: markdown(v.words.Program(program, "feedback")), Browser: markdown(v.words.Program(program, "browser"))})
	}
	return p
}
