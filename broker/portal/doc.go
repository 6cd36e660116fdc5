// Package portal is what people see: pages rendered on the server, forms that
// work without a script, and the answers to what they send.
//
//	request ─► guard (headers, size, origin) ─► routes.go ─► handler(visit) error
//	                                                           │      └─ error ─► fail: the page or problem+json for its kind
//	                                                           └─ page struct ─► show: template in the person's language
//
// A handler reads its form with visit.form (only the fields that it names, A12),
// asks the registry to do it, and either shows a page or redirects. It decides
// nothing about authority: the registry refuses, and the page says why. What a
// page shows as possible is what the registry said is possible.
//
// To add a page:
//  1. a file <page>.go with its struct (embedding Page), its view name, and its
//     handlers — methods of *site that take a *visit and return an error;
//  2. templates/<page>.html with {{define "main"}}, saying every word by
//     {{.T "area.key"}} from ../locale/words/<area>.<language>.yaml;
//  3. its routes in routes.go;
//  4. its states in stories_<area>.go: a function of tellers (stories.go) makes
//     them of canned data with the same function that the handler uses
//     (v.xPage(...)), wrapped in asStranger or asMember, so that each is told in
//     every language. A name is the template's, or begins with it and a dash; the
//     first one of a template is its default state. No words of one language in
//     them but names of people and places. Tests execute every story, demand that
//     one exists for every template and every branch, and walk through all of them
//     in a browser; `countersign storybook` shows them.
//
// A POST that worked ends in visit.done, a redirect to a page that says so once.
// A POST that a person can put right ends in showing the same page again with
// what was typed, the message beside the field and in the summary (status 422).
//
// Left to others: who is signed in (session), every record and rule (registry,
// policies), mail (mail), the words (locale).
package portal
