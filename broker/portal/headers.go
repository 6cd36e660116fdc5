package portal

import (
	"net/http"
	"net/url"
	"strings"
)

// maxBody is what a form may weigh (A61). Files are not uploaded here.
const maxBody = 64 << 10

// guard sets what holds for every answer and refuses what no handler should
// see: bodies beyond maxBody and POSTs from other origins (A51, A61).
func guard(policy string, secure bool, refuse func(error) http.Handler) func(http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(refuse(errForeign))
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Security-Policy", policy)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "same-origin")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
			h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
			h.Set("Cache-Control", "no-store") // pages show who is signed in; serveAssets says otherwise
			if secure {
				h.Set("Strict-Transport-Security", "max-age=31536000")
			}
			if r.ContentLength > maxBody {
				refuse(errTooLarge).ServeHTTP(w, r)
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			origins.Handler(next).ServeHTTP(w, r)
		})
	}
}

// contentPolicy lets a page load our own files and nothing else: styles, our scripts,
// and the worker that does the sign-up page's sum. Scripts ask nobody but us. Forms
// go to us; signing out goes on to the
// identity provider, and browsers hold form-action against that redirect too.
func contentPolicy(issuer *url.URL) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"worker-src 'self'",
		"connect-src 'self'",
		"style-src 'self'",
		"img-src 'self' data:",
		"font-src 'self'",
		"form-action 'self' " + issuer.Scheme + "://" + issuer.Host,
		"frame-ancestors 'none'",
		"base-uri 'none'",
	}, "; ")
}
