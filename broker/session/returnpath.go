package session

import (
	"regexp"
	"strings"
)

// returnShape is a path of this site in plain characters, with a query at most:
// no scheme, no //, no backslash, no control characters, no fragment, no
// percent-encoding in the path.
var returnShape = regexp.MustCompile(`^/([A-Za-z0-9._~-]+/)*[A-Za-z0-9._~-]*(\?[A-Za-z0-9._~=&%+,:-]*)?$`)

// ReturnPath gives where to go after a sign-in or a change of
// language: the path that was asked for if it
// is surely one of ours, else the first page (A50).
func ReturnPath(asked string) string {
	path, query, _ := strings.Cut(asked, "?")
	switch {
	case len(asked) > 512, !returnShape.MatchString(asked), strings.Contains(path, ".."):
		return "/"
	case path == SignInPath, strings.Contains(strings.ToLower(query), "%2f%2f"):
		return "/"
	}
	return asked
}
