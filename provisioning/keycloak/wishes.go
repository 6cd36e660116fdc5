package keycloak

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Wish is a realm-wide setting that a shared realm's owner is asked for. The
// product never makes it there.
type Wish struct {
	What    string // the setting
	Why     string // what it is for
	Without string // what falls short while it is not so
	Needed  bool   // the product does not start without it
}

// Wishes lists what is open; none in a realm of our own, which Apply configures.
func Wishes(ctx context.Context, admin Admin, spec Spec) ([]Wish, error) {
	if spec.Topology != Shared {
		return nil, nil
	}
	r := admin.on(spec.Realm)
	var realm, profile object
	if err := errors.Join(r.get(ctx, "", &realm), r.get(ctx, "/users/profile", &profile)); err != nil {
		return nil, err
	}
	permissions, err := r.permissionWishes(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Concat(permissions, profileWishes(profile, spec.Programs), settingWishes(realm)), nil
}

func (r *run) permissionWishes(ctx context.Context) ([]Wish, error) {
	fine, err := getter(r.get).fineGrained(ctx)
	if err != nil {
		return nil, err
	}
	const why = "the writer makes groups under our root and joins people to them, and touches no administrator and no other application's roles"
	if fine.base == "" {
		return []Wish{{"turn on fine-grained admin permissions (adminPermissionsEnabled), then run countersign realm apply", why, "the product does not start", true}}, nil
	}
	all, err := fine.permissions(ctx)
	if err != nil {
		return nil, err
	}
	var wishes []Wish
	for _, name := range crowding(all) {
		wishes = append(wishes, Wish{"give permission " + name + " to groups or people by name, instead of to all of them, then run countersign realm apply",
			why + "; beside a second permission about all of a kind Keycloak 26.7 refuses both (keycloak/keycloak#50740)", "the product does not start", true})
	}
	return wishes, nil
}

func profileWishes(profile object, programs []Program) (wishes []Wish) {
	policy, _ := profile["unmanagedAttributePolicy"].(string)
	if policy != "" && policy != "DISABLED" {
		wishes = append(wishes, Wish{"switch unmanaged attributes of people off (unmanagedAttributePolicy is " + policy + ")",
			"else a person could be given an attribute that applications are told as groups", "the product does not start", true})
	}
	declared := keyed(profile["attributes"])
	for _, p := range programs {
		if declared[groupAttribute(p.ID)] != nil {
			wishes = append(wishes, Wish{"remove the attribute " + groupAttribute(p.ID) + " from the user profile",
				"applications are told it as groups", "the product does not start once an application is registered", true})
		}
	}
	if ours := declared[accountAttribute]; ours == nil {
		wishes = append(wishes, Wish{What: "declare the attribute " + accountAttribute + " in the user profile, for administrators only (view and edit)",
			Why:     "by it the product knows the people that it made, when an answer got lost",
			Without: "a new person whose making was interrupted is told that the user name is taken, and Keycloak's pages and mails keep a person's first language; people who are there, and federated ones, notice nothing"})
	}
	return wishes
}

// settingWishes compares the settings that matter; the words are for its owner.
func settingWishes(realm object) (wishes []Wish) {
	on := func(key string) bool { return realm[key] == true }
	number := func(key string) float64 { n, _ := realm[key].(float64); return n }
	mail, _ := realm["smtpServer"].(object)
	levels, _ := realm["attributes"].(object)
	locales := texts(realm["supportedLocales"])
	for _, one := range []struct {
		open bool
		Wish
	}{
		{levels["acr.loa.map"] == nil, Wish{What: "sign people in with second factors, and say so: levels of authentication in the browser flow, named one-factor and two-factor in the realm's attribute acr.loa.map (as in the sign-in flow of realm.json)",
			Why: "the programs ask a second factor of who sees patient information or decides who may", Without: "nobody who holds such a role can use the portal", Needed: true}},
		{mail["host"] == nil, Wish{What: "set the mail server (smtpServer)", Why: "new people verify their address and choose a password by a mail of Keycloak's",
			Without: "nobody can begin who has no account yet"}},
		{!on("verifyEmail"), Wish{What: "verify mail addresses (verifyEmail)", Why: "messages go to that address", Without: "an address may be somebody else's"}},
		{!on("duplicateEmailsAllowed"), Wish{What: "allow one mail address for several people (duplicateEmailsAllowed; it needs loginWithEmailAllowed off)",
			Why: "families share a mailbox", Without: "the second of them cannot have an account"}},
		{!on("internationalizationEnabled") || !slices.Contains(locales, "en") || !slices.Contains(locales, "es"),
			Wish{What: "offer English and Spanish (internationalizationEnabled, supportedLocales)", Why: "people read in the language that they chose",
				Without: "Keycloak's own pages and mails are in the realm's language"}},
		{number("ssoSessionIdleTimeout") > 900, Wish{What: fmt.Sprintf("end idle sessions after 15 minutes (ssoSessionIdleTimeout is %.0f s)", number("ssoSessionIdleTimeout")),
			Why:     "shared computers",
			Without: "the portal itself ends after 15 minutes and asks for proof no older than that; other applications go on"}},
		{number("accessTokenLifespan") > 300, Wish{What: fmt.Sprintf("let access tokens live five minutes (accessTokenLifespan is %.0f s)", number("accessTokenLifespan")),
			Why: "an application that reads tokens alone learns of an end when the token ends", Without: "it learns later"}},
		{!on("revokeRefreshToken"), Wish{What: "let refresh tokens be used once (revokeRefreshToken, refreshTokenMaxReuse 0)", Why: "a stolen one shows itself",
			Without: "a stolen refresh token works beside the true one until the session ends"}},
		{!on("bruteForceProtected"), Wish{What: "slow down the guessing of passwords (bruteForceProtected, not permanentLockout)", Why: "accounts open health records",
			Without: "passwords can be guessed at any speed"}},
		{!on("eventsEnabled") || !on("adminEventsEnabled"), Wish{What: "keep sign-in and admin events (eventsEnabled, adminEventsEnabled)", Why: "who changed what past the product",
			Without: "such a change shows only in the next full compare, and not who made it"}},
	} {
		if one.open {
			wishes = append(wishes, one.Wish)
		}
	}
	return wishes
}

// String is the wish as it is printed.
func (w Wish) String() string {
	needed := ""
	if w.Needed {
		needed = " [needed]"
	}
	return strings.Join([]string{w.What + needed, "    why:         " + w.Why, "    without it:  " + w.Without}, "\n")
}
