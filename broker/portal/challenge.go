package portal

import "encoding/json"

// signUpAct names in a challenge what it is for.
const signUpAct = "sign-up"

// challenge hands out a challenge to the script of the sign-up page. The widget
// takes nothing but this content type.
func (s *site) challenge(v *visit) error {
	c, err := s.Registry.NewChallenge(signUpAct, s.from(v.r))
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(v.w).Encode(c)
}
