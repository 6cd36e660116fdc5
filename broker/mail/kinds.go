package mail

// A kind is one message with one purpose. Its words are mail.<kind>.<key> in
// locale; mail.<kind>.subject is among them.
type kind struct {
	shows []string // the keys of the row's data: all must be there, and no others
	blank []string // those of them that may be empty
	home  string   // the program whose words it uses, where the data does not name one
	own   string   // the program's text that is the subject, before mail.<kind>.subject
	parts []part
}

// part is one piece of a message, in the order in which it is read.
type part struct {
	form form
	key  string // of the words, within the kind; of the program's text where form is ofProgram
	link string // a path of the portal, with {keys} of the data
	when func(data) bool
}

type form int

const (
	paragraph form = iota
	heading
	step      // of a numbered list
	button    // the one thing to do
	reference // words, and a link beneath them
	ofProgram // Markdown of the program's own
)

type data = map[string]string

func say(key string) part                  { return part{form: paragraph, key: key} }
func head(key string) part                 { return part{form: heading, key: key} }
func do(key string) part                   { return part{form: step, key: key} }
func press(key, link string) part          { return part{form: button, key: key, link: link} }
func refer(key, link string) part          { return part{form: reference, key: key, link: link} }
func quote(key string) part                { return part{form: ofProgram, key: key} }
func (p part) only(c func(data) bool) part { p.when = c; return p }

func signerNamed(d data) bool { return d["signer"] != "" }
func signsSelf(d data) bool   { return d["signer"] == "" }
func askedSelf(d data) bool   { return d["who"] == d["name"] }
func begins(d data) bool      { return d["begins"] != "" }
func askedOther(d data) bool  { return !askedSelf(d) }

// resetBy tells by which office a second factor was reset.
func resetBy(office string) func(data) bool {
	return func(d data) bool { return d["office"] == office }
}

// heldAs tells what kind of thing the brake holds.
func heldAs(kind string) func(data) bool {
	return func(d data) bool { return d["kind"] == kind }
}

// What the registry puts into most rows.
var (
	aboutRequest = []string{"name", "who", "site", "program", "role", "request", "ref"} // to several people
	aboutVerdict = []string{"name", "site", "program", "role", "request", "ref"}        // to the requester
	aboutGrant   = []string{"name", "site", "program", "role", "until", "tz"}           // to the holder
)

// kinds are all messages that there are, and all that each may show.
var kinds = map[string]kind{
	// Accounts.
	"address-known": {shows: []string{"secret", "user_name"}, parts: []part{say("lead"), say("own"), press("sign-in", "/access"),
		say("shared"), refer("other", "/sign-up/confirm?s={secret}"), say("stranger")}},
	"sign-up-confirm": {shows: []string{"secret", "user_name"},
		parts: []part{say("lead"), press("confirm", "/sign-up/confirm?s={secret}"), say("stranger")}},
	"account-closing": {shows: []string{"user_name"},
		parts: []part{say("lead"), say("keep"), press("ask", "/sign-up"), say("else")}},
	"name-taken": {shows: []string{"user_name"},
		parts: []part{say("lead"), say("again"), press("choose", "/sign-up"), say("stranger")}},
	"details-refused": {shows: []string{"user_name"},
		parts: []part{say("lead"), say("again"), press("ask", "/sign-up"), say("stranger")}},

	"factors-reset": {shows: []string{"name", "user_name", "at", "tz", "office", "site", "program"}, blank: []string{"site"},
		parts: []part{say("by-site").only(resetBy("group-administrator")), say("by-registrar").only(resetBy("registrar")), say("by-support").only(resetBy("support")),
			say("by-server").only(resetBy("command-line")),
			say("gone"), say("again"), press("sign-in", "/sign-in-methods"), say("surprise")}},

	// A site, from its request until it opens.
	"site-requested": {shows: []string{"name", "site", "ref", "request", "signer"}, blank: []string{"signer"},
		parts: []part{say("lead"), head("needed"),
			do("signer").only(signerNamed), do("self").only(signsSelf), do("registrar"),
			say("wait"), say("then"), press("follow", "/requests/{request}"),
			say("no-mail").only(signerNamed), refer("forward", "/declaration/{request}")}},
	"declaration-asked": {shows: []string{"name", "who", "site", "request", "secret", "ref", "program"},
		parts: []part{say("lead").only(askedOther), say("lead-self").only(askedSelf), say("read"), say("account"),
			press("sign", "/declare/{request}?s={secret}"), say("private"), say("not-you").only(askedOther)}},
	"site-declared": {shows: aboutRequest, parts: []part{say("lead"), say("next"), press("follow", "/requests/{request}")}},
	"site-opened": {shows: aboutRequest, parts: []part{say("lead"), head("next"),
		do("tell"), do("confirm"), do("second"), do("leavers"),
		press("see", "/access"), head("patients"), say("no-access")}},

	// Verdicts, to whoever asked.
	"request-returned":    {shows: aboutVerdict, parts: []part{say("lead"), say("kept"), press("open", "/requests/{request}")}},
	"request-refused":     {shows: aboutVerdict, parts: []part{say("lead"), say("why"), press("open", "/requests/{request}"), say("mistake")}},
	"authorizer-declined": {shows: aboutVerdict, parts: []part{say("lead"), say("others"), press("open", "/requests/{request}")}},

	// To those whose word is needed, or who are named.
	"to-confirm":          {shows: aboutRequest, parts: []part{say("lead"), say("what"), press("open", "/inbox"), say("unknown")}},
	"to-authorize":        {shows: aboutRequest, parts: []part{say("lead"), say("means"), press("open", "/inbox"), say("unknown")}},
	"administrator-named": {shows: aboutRequest, parts: []part{say("lead"), say("registrar"), say("means"), press("open", "/requests/{request}"), say("mistake")}},

	// Invitations.
	"operator-invited": {shows: []string{"secret", "role"}, home: "operator",
		parts: []part{say("lead"), say("account"), press("accept", "/invitation?s={secret}"), say("private"), say("stranger")}},
	"mandate-offered": {shows: []string{"who", "site", "program", "role", "secret"},
		parts: []part{say("lead"), say("account"), press("begin", "/invitation?s={secret}"), say("then"), say("private"), say("stranger")}},

	// To those who keep the realm: somebody else used our credential there.
	"realm-alarm": {shows: []string{"name", "at", "tz"}, home: "operator",
		parts: []part{say("lead"), say("means"), say("undone"), press("see", "/realm/differences"), say("do")}},

	// To those who may release what the brake holds.
	"brake-held": {shows: []string{"name", "brake", "kind"}, home: "operator", parts: []part{say("lead"),
		say("drift").only(heldAs("drift")), say("lapse").only(heldAs("lapse")), say("implausible").only(heldAs("implausible")),
		say("older").only(heldAs("older-record")), press("see", "/realm/brake/{brake}"), say("why")}},

	// Imports: to the person, and to the registrars whose decision it was.
	"pre-approved": {shows: []string{"name", "site", "program", "role", "request", "ref", "user_name", "begins"}, blank: []string{"begins"},
		parts: []part{say("lead"), say("account").only(begins), say("sign"), press("begin", "/requests/{request}"), say("unknown")}},
	"batch-decided": {shows: []string{"name", "who", "program", "ref", "count", "words"},
		parts: []part{say("lead"), say("words"), say("means"), press("desk", "/desk"), say("surprise")}},
	"not-imported": {shows: []string{"name", "who", "user_name", "program", "ref"}, parts: []part{say("lead"), say("again"), press("desk", "/desk")}},

	// Access: it begins, comes near its end, pauses, ends.
	"welcome": {shows: []string{"name", "site", "program", "role", "user_name"}, own: "welcome.subject",
		parts: []part{say("lead"), head("sign-in"), say("user-name"), say("password"), quote("welcome"),
			press("see", "/access"), head("browser"), quote("browser"), head("feedback"), quote("feedback")}},
	"access-adopted": {shows: aboutGrant, parts: []part{say("lead"), say("why"), say("keep"), press("see", "/access"), say("not")}},
	"access-ends":    {shows: aboutGrant, parts: []part{say("lead"), say("renew"), say("meant"), press("see", "/access")}},
	"access-paused":  {shows: aboutGrant, blank: []string{"until"}, parts: []part{say("lead"), say("why"), say("back"), press("see", "/access"), say("elsewhere")}},
	"access-ended":   {shows: aboutGrant, blank: []string{"until"}, parts: []part{say("lead"), say("elsewhere"), press("see", "/access"), say("surprise")}},
}
