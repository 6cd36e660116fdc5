// Package mail says what people are told by mail, and hands it to the mail
// server.
//
// A message is a row of the registry first. The worker claims one and calls
// Send, which
//
//  1. looks the row's kind up in the list (kinds.go), which names all that this
//     kind may show; anything more, less or unreadable is refused for good;
//  2. composes subject, text and HTML from the same parts, so that both say the
//     same: words by key from locale, a program's own words from the program,
//     links from the public address and nothing else;
//  3. holds one SMTP conversation and tells how it went: taken, to be tried
//     again (ErrLater), or refused for good (ErrRefused), with the server's
//     answer.
//
// A secret appears in a link and nowhere else. What people typed (a name, a
// site) appears in words only, never as an address that a mail reader would make
// a link of. The Message-ID comes from the row, so a message that had to be sent
// twice, because an answer was lost, is recognizable as one.
//
// Left to others: when a message is due, how often it is tried and what becomes
// of the answer (worker, registry); mails about passwords and addresses
// (Keycloak); limits by address (registry).
package mail
