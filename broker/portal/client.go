package portal

import (
	"net/http"
	"net/netip"
	"strings"
)

// from is the network that a request comes from, as limits and challenges know it:
// an IPv4 address, or the /64 of an IPv6 one, which is one household or one host.
// X-Forwarded-For counts only where whoever speaks to us directly is a proxy that
// the configuration names, and is read from its end to the first address that is
// not such a proxy's: what stands before it, anybody may have written (A66).
func (s *site) from(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return nobodys
	}
	addr := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusts(addr); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop.Unmap()
	}
	return network(addr)
}

const nobodys = "unknown" // one name for all of no known address: a limit is theirs together

func network(a netip.Addr) string {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	n, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return nobodys
	}
	return n.String()
}

// noteLimit logs that a limit refused a network: the one that was counted, and that
// of whoever spoke to us. Where both are one and a proxy stands in front of us, the
// configuration does not name it, and everybody shares a limit (A66). No name and
// no whole IPv6 address is kept.
func (v *visit) noteLimit() {
	peer := nobodys
	if p, err := netip.ParseAddrPort(v.r.RemoteAddr); err == nil {
		peer = network(p.Addr().Unmap())
	}
	v.Log.WarnContext(v.ctx(), "a limit refused", "path", v.r.URL.Path, "from", v.from(v.r), "peer", peer,
		"forwarded", len(v.r.Header.Values("X-Forwarded-For")) > 0)
}

func (s *site) trusts(a netip.Addr) bool {
	for _, p := range s.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
