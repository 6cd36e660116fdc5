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
		return "unknown" // one name for all: the limit is theirs together
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
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	network, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return network.String()
}

func (s *site) trusts(a netip.Addr) bool {
	for _, p := range s.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
