// Package session signs people in through Keycloak and out again.
//
// The flow:
//
//	GET  /sign-in        SignIn      a transaction of its own (state, nonce, PKCE verifier) bound to a
//	                                 cookie of its own, then Keycloak
//	GET  /callback       Callback    state, cookie and iss are checked before the code is used; the ID
//	                                 token's issuer, audience, azp, typ, nonce, age before it is believed;
//	                                 then a new session, always, and the old one ends
//	                                 (where Keycloak knows its own code no longer, or has logged the
//	                                 person out since their proof: once more, once)
//	each request         Authenticate  one query: session, account, open grants; nothing from a token
//	each human one       Active      keeps the session from idling; every five minutes refreshes the
//	                                 tokens, one replica at a time; a refused refresh ends the session
//	after 15 minutes     the portal shows the idle page: "continue as" is SignIn again, which then
//	                     demands proof; "someone else" is
//	POST /someone-else   SomeoneElse, which logs out at Keycloak first with the kept ID token
//	POST /sign-out       SignOut     ends our session first, then Keycloak's
//	GET  /signed-out     SignedOut   where Keycloak sends the browser afterwards
//	POST /back-channel-logout  BackChannel  Keycloak says that its session is over: ours ends
//
// A Keycloak session that idles out sends no logout token, so one that was
// revoked later would never be heard of: that is what refreshing is for.
//
// Who a person is and what they hold is the registry's answer. Bearer tokens
// mean nothing here: only the cookie does. Two clocks meet: what Keycloak stamps
// (exp, auth_time) is judged by the machine's clock, and the record keeps ages.
//
// Left to others: pages and words (portal), limits by address (portal), SQL
// (registry), the client in the realm (provisioning).
package session
