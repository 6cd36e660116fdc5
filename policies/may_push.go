package policies

import (
	"net/netip"
	"net/url"
)

// MayPushTo tells whether signed events may go to an address: https, and plain http
// to this machine alone, where demos and tests run. The address is an operator's word;
// what an application answers, a redirect too, changes nothing about it.
func MayPushTo(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}
