package portal

import (
	"time"

	"countersign/broker/registry"
	"countersign/policies"
)

const receiptID = "0198a9a8-4444-7000-8000-000000000000"

// endsOf are ends in a list, one confirmed and one not.
func endsOf(p *policies.Program) []registry.ReceiptLine {
	return []registry.ReceiptLine{{ID: receiptID, Name: ben.Name(), UserName: ben.UserName, Program: p.ID, Role: "on-behalf-of", Site: cedar, At: noon},
		{ID: receiptID, Name: mallory.Name(), UserName: mallory.UserName, Program: p.ID, Role: "practitioner", Site: unnamed, At: tuesday, Done: true}}
}

func endStories(v *visit, at places, p *policies.Program) []story {
	after := func(d time.Duration) *time.Time { return moment(noon.Add(d)) }
	steps := func(done bool) []registry.ReceiptStep {
		s := []registry.ReceiptStep{{Kind: registry.StepLeave, Site: cedar.ID, Leaf: "practitioner"}, {Kind: registry.StepLeave, Site: cedar.ID, Leaf: "viewer"},
			{Kind: registry.StepConsents}, {Kind: registry.StepSignedOut}, {Kind: registry.StepReadBack}, {Kind: registry.StepVerify, Object: "5"}, {Kind: registry.StepVerify, Object: "300"}}
		for i := range s {
			if done {
				s[i].SentAt, s[i].DoneAt, s[i].Tries = after(120*time.Millisecond), after(time.Second), 1
			}
		}
		return s
	}
	begun := registry.Receipt{ID: receiptID, Account: ben.ID, Name: ben.Name(), UserName: ben.UserName, At: noon, Act: "member.deactivate", By: ana.Name(), ByKind: "person", Known: true, Sessions: 2, SessionsLeft: 1,
		Ended: []registry.ReceiptGrant{{Site: cedar, Program: p.ID, Role: "practitioner", Leaves: []string{"viewer"}, EndedAt: moment(noon)}}, Now: noon.Add(time.Second), NextTry: noon.Add(2 * time.Second),
		Kept:  []registry.ReceiptGrant{{Site: unnamed, Program: p.ID, Role: "administrator"}, {Site: cedar, Program: p.ID, Role: "lpn", Leaves: []string{"viewer"}}},
		Steps: steps(false), Events: []registry.ReceiptEvent{{Application: "careconnect-viewer"}}}
	failing := begun
	failing.Operator, failing.Tries, failing.Answer, failing.Act, failing.Others, failing.Sessions = true, 12, "keycloak: log out: 503 Service Unavailable: "+hostile, "account.suspend", endsOf(p), 1
	failing.Steps = steps(false)
	failing.Steps[0].SentAt, failing.Steps[0].Tries, failing.Steps[0].Answer = after(time.Second), 12, hostile
	failing.Now = noon.AddDate(0, 0, 2)
	failing.Events = []registry.ReceiptEvent{{Application: "careconnect-viewer", Tries: 40, Age: 90000, NextTry: noon, SentAt: after(0), Answer: "400 Bad Request: invalid_key: " + hostile},
		{Application: "scheduler", Tries: 1, NextTry: noon, SentAt: after(0)}, {Application: "imaging", Gone: true}, {Application: "reports", ConfirmedAt: after(time.Second), SentAt: after(0), Tries: 1}}
	told := begun
	told.Steps, told.TokensUntil, told.SessionsLeft, told.By, told.ByKind, told.Act, told.Kept = steps(true), after(5*time.Minute), 0, "", "worker", "account.settle", nil
	done := told
	done.Events, done.Steps, done.Sessions, done.TokensUntil, done.Self = nil, steps(true), 0, nil, true
	done.Steps[5].DoneAt, done.Steps[5].DueAt = nil, after(5*time.Second)
	done.Steps[2].SentAt = nil
	sure := done
	sure.Steps, sure.Confirmed, sure.Known, sure.ByKind, sure.Act = append(steps(true), registry.ReceiptStep{Kind: registry.StepRemove, DoneAt: after(0), SentAt: after(0)}), after(301*time.Second), false, "cli", "application.add"
	sure.Steps[0].Again = 1
	return []story{
		{"receipt", asMember(v.receiptPage(at, begun))},
		{"receipt-failing", asMember(v.receiptPage(at, failing))},
		{"receipt-told", asMember(v.receiptPage(at, told))},
		{"receipt-done", asMember(v.receiptPage(at, done))},
		{"receipt-sure", asMember(v.receiptPage(at, sure))},
	}
}
