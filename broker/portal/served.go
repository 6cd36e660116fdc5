package portal

import (
	"cmp"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// served tells Deps.Served of each answer, with the route's pattern: what stands
// in its place in the address may be a link's secret.
func (s *site) served(next http.Handler) http.Handler {
	if s.Served == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		seen := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(seen, r)
		route := "none"
		pattern := chi.RouteContext(r.Context()).RoutePattern()
		if known := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodPost; known && pattern != "" && pattern != "/*" {
			route = r.Method + " " + pattern
		}
		s.Served(route, cmp.Or(seen.Status(), http.StatusOK), time.Since(begun))
	})
}
