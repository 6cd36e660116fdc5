// Package registry is the record: who asked, who reviewed, who signed which
// text, who lets whom act, and what was held from when until when.
//
// Every change is one call of Do:
//
//	BEGIN (read committed)
//	  claim the operation        a repeat gets the first one's result
//	  lock sites, then accounts  the touched ones and their dependants
//	  take the moment            instant(), later than anything locked
//	  read; policies.MayX        a refusal commits the act alone, with reasons
//	  write facts                inserted once, ended once
//	  settle                     policies.Effective → access_grant, mails, revisions
//	  act, events, result        one act, one signed event per version of an entity
//	COMMIT, and the workers wake
//
// A request moves like this; the table's CHECK and moveRequest say the same:
//
//	draft ──submit──► submitted ──return──► returned ──submit──► submitted
//	                      │ └──refuse──► refused
//	                      └──last need met (settle)──► granted
//	any of draft, submitted, returned ──withdraw──► withdrawn
//
// What would take access from many people for a reason that nobody decided is held by
// the brake (brake*.go), as a plan with its digest:
//
//	held ──two people release that digest──► released
//	     ──its cause is gone──► settled
//
// An end of access opens a receipt in the same transaction; the worker fills it in:
//
//	portal denies ─► groups left ─► consents, sessions ended ─► read back ─► +5 s, +35 s, +5 min
//	                                        └─► signed events, each until confirmed
//
// Sessions, sign-ins, leases, steps, counters and the state of mails are
// operational: short transactions of their own, no act, no event.
//
// Rules are left to policies, the brake's arithmetic and the realm to provisioning and
// worker, words to mail and portal. SQL holds no rules: it reads and writes what they need.
package registry
