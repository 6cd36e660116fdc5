// Package provisioning makes the directory hold what the registry says.
//
// One account at a time, level-triggered: the caller reads what is wanted now,
// never "what to add", so that a retry, a restart, a lost reply and a second
// worker are the same harmless thing.
//
//	Wanted (the record)  ─┐
//	                      ├─ Differs (what is kept) ─ Plan ─ steps, one by one ─ ReadBack
//	Held   (the realm)   ─┘
//
// Plan is pure and puts what takes access away before what gives it, and the mail,
// which fails for reasons of its own, last:
//
//	create        the person, with the wanted groups embedded
//	leave         groups held and not wanted
//	forget-factors  every credential but the password, when a reset was asked for
//	consents      offline tokens and consents, before the sessions that could renew them
//	end-sessions  after the leaving, so that no new token shows the old groups
//	join          groups wanted and not held
//	setup         the mail by which they verify the address and choose a password
//
// The language of the directory's own pages and mails is no part of a run: a person's
// access does not wait for it (SetLanguage).
//
// Where an end is still looked at, its sessions are read back too: one that began
// before the log-out and lives is ended once more.
//
// Reconcile is the whole run. Record keeps each step before it is sent and what
// became of it: the worker writes it to the registry.
//
// brake.go holds the arithmetic of the brake: how many removals that nothing explains
// pass, what a plan is that people release, and which answers cannot be right.
//
// Compare looks at the whole directory: what differs is told, and whoever is concerned
// is reconciled by themselves, because a list may be torn by what changed meanwhile.
//
// Directory is the realm in our words. provisioning/keycloak is the real one;
// Memory is for property tests; conformance holds the suite that both pass.
// Which access is wanted, when to look again and what to do about surplus that
// no decision explains is left to registry and worker.
package provisioning
