// Package policies holds every rule of the product and nothing else: facts in,
// a decision with reasons out.
//
// The flow:
//
//	program folder ──Load──► Program            (data: roles, needs, forms, texts)
//	registry ──► Facts ──Decide(t)──► Decision  (what is held at t and why, what is withheld and why)
//	              Facts ──Effective(now)──► Outcome (the same, with until when, and when to look again)
//	actor, case ──MayX(t)──► Answer             (who may do what; default deny, any refusal wins)
//
// Everything here is a pure function of its arguments; time is a value passed
// in. No Go here names a program's role, field or agreement: those are data.
// Storing facts, running transactions and telling Keycloak are left to
// broker/registry, broker/worker and provisioning.
package policies
