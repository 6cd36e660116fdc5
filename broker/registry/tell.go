package registry

import (
	"slices"

	"countersign/policies"
)

// noticeDays are how long before a planned end everyone affected is told.
var noticeDays = []int{14, 7, 1}

// tell mails an account what changed for it: access that ended or is paused, and
// a planned end that comes near. Welcomes go out when the realm has the access.
func (tx *Tx) tell(account string, out policies.Outcome, ended []grantRow, facts policies.Facts) error {
	roles := slices.DeleteFunc(slices.Clone(ended), func(g grantRow) bool { return g.Leaf != g.Role })
	near := slices.DeleteFunc(slices.Clone(out.Grants), func(g policies.Grant) bool {
		return g.Leaf != g.Role || g.Until.IsZero() || g.Until.AddDate(0, 0, -noticeDays[0]).After(tx.At)
	})
	if len(roles) == 0 && len(near) == 0 {
		return nil
	}
	a, err := getAccount(tx.ctx, tx, account)
	if err != nil {
		return err
	}
	for _, g := range roles {
		kind := "access-ended"
		if slices.ContainsFunc(out.Withheld, func(w policies.Withheld) bool { return w.Site == g.Site && w.Role == g.Role }) {
			kind = "access-paused"
		}
		if err := tx.tellGrant(a, kind, g.Site, g.Role, g.ID, tx.actID, ""); err != nil {
			return err
		}
	}
	for _, g := range near {
		days := noticeDays[0]
		for _, d := range noticeDays {
			if !g.Until.AddDate(0, 0, -d).After(tx.At) {
				days = d
			}
		}
		site := facts.Sites[g.Site]
		if err := tx.tellGrant(a, "access-ends", g.Site, g.Role, site.ID, g.Role+":"+g.Until.UTC().Format("2006-01-02T15")+":"+itoa(days), g.Until.UTC().Format("2006-01-02T15:04:05Z07:00")); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) tellGrant(a Account, kind, siteID, role, about, occurrence, until string) error {
	site, err := readSite(tx.ctx, tx, siteID)
	if err != nil {
		return err
	}
	return tx.mail(Mail{Address: a.Email, Kind: kind, About: about, Occurrence: occurrence + ":" + a.ID, Locale: a.Locale,
		Data: map[string]string{"name": a.Name(), "site": site.Name, "program": site.Program, "role": role, "until": until, "tz": site.TZ}})
}
