// Package faulty stands between the product and the servers that it needs, and makes them fail in
// the ways in which they do fail: at a chosen call, before it or after it, or for a share of all.
// It is for tests; nothing here is used by a production server.
//
//	product ──► HTTP      ──► Keycloak     one exchange is one call: PUT users/*/groups/*
//	        ──► Postgres  ──► PostgreSQL   one exchange is one commit: commit update account set lease
//	        ──► TCP       ──► a mail server
//
// All have a Gate, at which whole connections fail: refused, reset, or taken and never answered.
// What passes the gate is a Call, and a Rule says which Fault it meets:
//
//	Before, After   a function of the test's, such as one that kills the product
//	Delay           the answer comes late
//	Answer          a status of ours instead of the server's, which never hears of the call
//	Drop            the connection is reset before the server hears of the call
//	Lose            the server does all and commits; its answer is lost
//	Body            the answer is another: an empty list, one that is cut short
//	BytesPerSecond  the answer comes drop by drop
//
// Chance is by seed: the same rule on the same calls does the same. Every call and every fault is
// counted, so that a test can tell how many calls a fault has cost.
package faulty
