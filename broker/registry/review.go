package registry

import (
	"context"
	"slices"

	"countersign/policies"
)

// NewReview is one person's verdict on one need of a request.
type NewReview struct {
	Request string
	Version int64 // of the request as it was shown: another means "look again" (A07)
	Need    string
	Verdict policies.Verdict
	Reasons []string // codes
	Words   string   // to the requester; private
}

// Review records a verdict. What follows from it follows in the same
// transaction: a site opens, a mandate begins, access begins, a request ends.
func (r *Registry) Review(ctx context.Context, by By, n NewReview) error {
	req, err := r.readRequest(ctx, r.db, n.Request, "")
	if err != nil {
		return err
	}
	act := Act{By: by, Kind: "review." + string(n.Verdict), What: n}
	_, err = r.Do(ctx, act, touched(req), func(tx *Tx) (string, error) {
		req, c, err := tx.decidable(n.Request, n.Version)
		if err != nil {
			return "", err
		}
		may := policies.MayTurnDown(tx.Programs, tx.Actor, c, n.Need).Given(tx.SignIn)
		if n.Verdict == policies.Approved {
			may = policies.MayReview(tx.Programs, tx.Actor, c, n.Need).Given(tx.SignIn)
		}
		if !may.OK {
			return "", refuse(may)
		}
		if !slices.Contains(may.Capacity.Verdicts(), n.Verdict) {
			return "", InvalidField("verdict", "field-error.choose")
		}
		if n.Verdict != policies.Approved && len(n.Reasons) == 0 {
			return "", InvalidField("reasons", "error.reason-needed")
		}
		if _, err := tx.addReview(req.ID, req.Account, req.Site, req.Role, n.Need, string(may.Capacity), string(n.Verdict), n.Reasons, by.Account); err != nil {
			return "", err
		}
		if n.Words != "" {
			tx.events[len(tx.events)-1].private = map[string]string{"words": n.Words}
		}
		byAuthorizer := may.Capacity == policies.ByAuthorizer
		switch {
		case n.Verdict == policies.Returned:
			return "", tx.sendBack(req, n, policies.ReturnedR)
		case n.Verdict == policies.Refused && byAuthorizer:
			return "", tx.declined(req, n)
		case n.Verdict == policies.Refused:
			return "", tx.sendBack(req, n, policies.RefusedR)
		case byAuthorizer:
			return "", tx.authorized(req)
		case req.Kind == policies.SiteRequest:
			return "", tx.openSite(req)
		}
		return "", tx.bumpRequest(req.ID, "request.reviewed")
	})
	return err
}

func touched(req Request) Touch {
	t := Touch{Accounts: []string{req.Account}}
	if req.Site != "" {
		t.Sites = []string{req.Site}
	}
	return t
}

// decidable reads a request as it is now; one that changed since it was shown is
// a Conflict, and one that the actor may not see does not exist.
func (tx *Tx) decidable(id string, version int64) (Request, policies.Case, error) {
	req, c, err := tx.lockedCase(id)
	if err != nil {
		return req, c, err
	}
	if a := policies.MaySee(tx.Programs, tx.Actor, c); !a.OK {
		return req, c, Fail(NotFound, "error.not-found")
	}
	if req.Version != version {
		return req, c, Fail(Conflict, "error.changed-review-again")
	}
	return req, c, nil
}

// openSite opens the site when all that it needs is met; the rest of its needs
// keeps it waiting.
func (tx *Tx) openSite(req Request) error {
	if err := tx.bumpRequest(req.ID, "request.reviewed"); err != nil {
		return err
	}
	f, err := factsOf(tx.ctx, tx, []string{req.Account}, tx.At)
	if err != nil {
		return err
	}
	if !policies.DecideSite(tx.Programs[req.Program], f, req.Site, tx.At).Open {
		return nil
	}
	var version int64
	if err := tx.GetContext(tx.ctx, &version, `update site set opened_at = $2, wanted_rev = wanted_rev + 1, version = version + 1, changed_at = $2
		where id = $1 and opened_at is null returning version`, req.Site, tx.At); err != nil {
		return err
	}
	tx.event("site", req.Site, version, "site.opened", nil)
	if err := tx.moveRequest(req.ID, []string{policies.Submitted}, policies.Granted, nil); err != nil {
		return err
	}
	return tx.tellAll([]string{req.Account}, "site-opened", req, req.ID)
}

// sendBack returns or refuses a request and tells the requester why. Refused: it
// is no longer wished.
func (tx *Tx) sendBack(req Request, n NewReview, to string) error {
	if err := tx.moveRequest(req.ID, []string{policies.Submitted}, to, map[string]any{"reasons": n.Reasons}); err != nil {
		return err
	}
	if to == policies.RefusedR {
		if err := tx.unwish(req); err != nil {
			return err
		}
	}
	return tx.tellReasons(req, "request-"+to, n)
}

// tellReasons mails the requester that somebody said something; the words
// themselves are read after sign-in.
func (tx *Tx) tellReasons(req Request, kind string, n NewReview) error {
	a, err := getAccount(tx.ctx, tx, req.By)
	if err != nil {
		return err
	}
	site, err := readSite(tx.ctx, tx, req.Site)
	if err != nil {
		return err
	}
	return tx.mail(Mail{Address: a.Email, Kind: kind, About: req.ID, Occurrence: tx.actID, Locale: a.Locale,
		Data: map[string]string{"name": a.Name(), "site": site.Name, "ref": req.Ref, "request": req.ID, "program": req.Program, "role": req.Role}})
}

// authorized begins the mandate that an authorizer's yes means.
func (tx *Tx) authorized(req Request) error {
	if err := tx.addMandate(req.ID, tx.act.By.Account, req.Account, req.Site); err != nil {
		return err
	}
	if req.Kind == policies.MandateRequest {
		return tx.moveRequest(req.ID, []string{policies.Submitted}, policies.Granted, nil)
	}
	return tx.bumpRequest(req.ID, "request.reviewed")
}

func (tx *Tx) addMandate(request, authorizer, onBehalf, site string) error {
	var there bool
	if err := tx.GetContext(tx.ctx, &there, `select exists (select 1 from fact_mandate where account_id = $1 and on_behalf = $2 and site_id = $3 and ended_at is null)`,
		authorizer, onBehalf, site); err != nil || there {
		return err
	}
	_, err := tx.add("mandate", about{request: request, account: authorizer, site: site}, `on_behalf`, onBehalf)
	return err
}

// declined: one authorizer's no leaves the others free to say yes.
func (tx *Tx) declined(req Request, n NewReview) error {
	left := slices.DeleteFunc(slices.Clone([]string(req.Authorizers)), func(id string) bool { return id == tx.act.By.Account })
	if _, err := tx.ExecContext(tx.ctx, `update request set authorizers = array_remove(authorizers, $2) where id = $1`, req.ID, tx.act.By.Account); err != nil {
		return err
	}
	// The refusal stands in the record, but it is not a verdict on the whole request.
	if _, err := tx.end("review", `request_id = $3 and by_account = $4 and verdict = 'refuse'`, req.ID, tx.act.By.Account); err != nil {
		return err
	}
	if req.Kind == policies.MandateRequest && len(left) == 0 {
		if err := tx.moveRequest(req.ID, []string{policies.Submitted}, policies.RefusedR, nil); err != nil {
			return err
		}
	} else if err := tx.bumpRequest(req.ID, "request.declined"); err != nil {
		return err
	}
	return tx.tellReasons(req, "authorizer-declined", n)
}

// NewStanding is a registrar's finding about a licence.
type NewStanding struct {
	Request string
	Version int64
	Body    string
	Number  string
	Expires string // yyyy-mm-dd, the last day on which it is good
}

// RecordStanding records that the registrar found the person in good standing,
// from now until the day after the licence expires.
func (r *Registry) RecordStanding(ctx context.Context, by By, n NewStanding) error {
	req, err := r.readRequest(ctx, r.db, n.Request, "")
	if err != nil {
		return err
	}
	_, err = r.Do(ctx, Act{By: by, Kind: "standing.record", What: n}, touched(req), func(tx *Tx) (string, error) {
		req, c, err := tx.decidable(n.Request, n.Version)
		if err != nil {
			return "", err
		}
		if a := policies.MayRecordStanding(tx.Programs, tx.Actor, c).Given(tx.SignIn); !a.OK {
			return "", refuse(a)
		}
		if err := tx.addStanding(req, by.Account, n); err != nil {
			return "", err
		}
		return "", tx.bumpRequest(req.ID, "request.reviewed")
	})
	return err
}

// addStanding records a registrar's finding about the licence of a request's subject.
func (tx *Tx) addStanding(req Request, by string, n NewStanding) error {
	site, err := readSite(tx.ctx, tx, req.Site)
	if err != nil {
		return err
	}
	last, err := dayIn(n.Expires, site.Location())
	if err != nil || !last.AddDate(0, 0, 1).After(tx.At) {
		return InvalidField("expires", "error.date-future")
	}
	profession, _ := tx.Programs[req.Program].Profession(req.Profession)
	if n.Number == "" || !slices.Contains(profession.Bodies, n.Body) {
		return InvalidField("body", "error.choose")
	}
	keys := tx.r.keys
	_, err = tx.add("standing", about{request: req.ID, account: req.Account, until: last.AddDate(0, 0, 1)},
		`profession, body, number_hash, number_sealed, by_account`, req.Profession, n.Body, keys.Hash("licence:"+n.Body, n.Number),
		keys.Seal([]byte(n.Number), "standing:"+req.Account), by)
	return err
}
