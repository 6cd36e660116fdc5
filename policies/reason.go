package policies

// Codes that an Answer gives. A refusal has one, the first that applies, with
// what concerns the actor's own person before all else; a grant says in which
// capacity the actor would act. Words for them are locale keys "reason.<code>",
// as for the codes of Reason.
const (
	NotSignedIn        = "not-signed-in"
	NotVisible         = "not-visible" // show what an unknown id would show (A02)
	OwnRequest         = "own-request" // nobody decides on their own request (A01)
	OwnAccess          = "own-access"  // on oneself this is done in another way: leave
	NotOwn             = "not-own"     // only the person themself may (A26)
	NotRegistrar       = "not-registrar"
	NotAdministrator   = "not-administrator"
	NotAuthorizer      = "not-authorizer" // A08, A09
	NotNamed           = "not-named"      // an authorizer there, but not one whom the request asks
	OthersDecide       = "others-decide"  // an else-branch is open only when nobody else can
	RequestedByYou     = "requested-by-you"
	SignedByYou        = "signed-by-you"
	ReviewedByYou      = "reviewed-by-you"
	NotDeclaredYet     = "not-declared-yet"
	NotSubmitted       = "not-submitted"
	NoSuchNeed         = "no-such-need"
	NotOutstanding     = "need-not-outstanding"
	WrongState         = "wrong-state"
	WrongKind          = "wrong-kind"
	ByInvitation       = "by-invitation"
	AlreadyOpen        = "already-open"
	AlreadyHeld        = "already-held"
	UnknownProgram     = "program-unknown"
	AuthorizersMissing = "authorizers-missing"
	AuthorizerUnfit    = "authorizer-unfit"
	LastAdministrator  = "last-administrator" // A17
	SetByOthers        = "set-by-others"
	OwnFactors         = "own-factors"      // somebody else resets one's second factors
	OperatorFactors    = "operator-factors" // of whoever operates a program, a registrar does
	NotOperator        = "not-operator"     // from the command line only operators' factors are reset
	OthersReset        = "others-reset"     // and only where nobody can do it on a page
	NotRealmKeeper     = "not-realm-keeper" // sees the realm, and does not decide about it
	AdoptedForNow      = "adopted"          // held for a while on what the realm had before anybody decided
	OwnAdoption        = "own-adoption"     // nobody decides to let their own membership go on
	ProposedAlready    = "proposed-already" // an adoption's approval is somebody else's
	ReleasedAlready    = "released-already" // a brake's second release is somebody else's
	SignInTooWeak      = "sign-in-too-weak" // a second factor is asked for
	SignInTooOld       = "sign-in-too-old"  // fresh proof is asked for
	AsSubject          = "as-subject"
	AsGroupAdmin       = "as-group-administrator"
	AsAuthorizerReason = "as-authorizer"
	AsRegistrar        = "as-registrar"
	AsSecondRegistrar  = "as-second-registrar"
	AsSigningAuthority = "as-signing-authority"
	AsSupport          = "as-support"
	AsSecurity         = "as-secure"
	AsAuditor          = "as-audit"
	AsCommandLine      = "as-command-line"
)

// ReasonCodes are all codes of Reason and of Answer.Reasons: each needs words.
func ReasonCodes() []string {
	return []string{
		NeedOutstanding, NeedRefused, Restricted, SiteUnknown, SiteNotOpen, SiteClosed, RoleUnknown,
		ProfessionNotEligible, NoLiveAuthorizer,
		NotSignedIn, NotVisible, OwnRequest, OwnAccess, NotOwn, NotRegistrar, NotAdministrator, NotAuthorizer,
		NotNamed, OthersDecide, RequestedByYou, SignedByYou, ReviewedByYou, NotDeclaredYet, NotSubmitted,
		NoSuchNeed, NotOutstanding, WrongState, WrongKind, ByInvitation, AlreadyOpen, AlreadyHeld,
		UnknownProgram, AuthorizersMissing, AuthorizerUnfit, LastAdministrator, SetByOthers, OwnFactors, OperatorFactors, NotOperator, OthersReset, NotRealmKeeper, AdoptedForNow, OwnAdoption, ProposedAlready, ReleasedAlready, SignInTooWeak, SignInTooOld,
		AsSubject, AsGroupAdmin, AsAuthorizerReason, AsRegistrar, AsSecondRegistrar, AsSigningAuthority, AsSupport, AsSecurity, AsAuditor, AsCommandLine,
	}
}

func refuse(code string) Answer { return Answer{Reasons: []string{code}} }

func allow(as Approver) Answer {
	return Answer{OK: true, Capacity: as, Reasons: []string{"as-" + string(as)}}
}
