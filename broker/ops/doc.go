// Package ops is what a platform asks of a running product, on a port that people
// do not reach:
//
//	/livez    200 while the process answers: restart it otherwise
//	/readyz   200 where it may be sent people: the database answers and has this
//	          version's schema, the start is through, and it is not draining;
//	          503 otherwise. Keycloak down is "degraded" and no reason: nobody
//	          signs in meanwhile, and who is signed in goes on
//	/healthz  the same as /readyz
//	/metrics  for Prometheus
//
// Watch asks Keycloak every ten seconds whether it answers (Silent), and keeps once a
// minute how things stand, for the charts of the operators' page.
//
// A draining product says so in /readyz first, and goes on answering: package
// broker holds that order. No metric has a label that names a person, a mail
// address or an id; routes are patterns.
package ops
