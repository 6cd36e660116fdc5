package broker

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/broker/mail"
)

// soon is when a certificate's end is worth a warning.
const soon = 21 * 24 * time.Hour

// mail goes through the conversation with the mail server without sending.
func (d *doctor) mail(ctx context.Context) {
	d.area = "mail"
	ends, err := mail.Config{Host: d.SMTPHost, Port: d.SMTPPort, TLS: d.SMTPTLS, Username: d.SMTPUser, Password: string(d.SMTPPassword), From: d.MailFrom}.Probe(ctx)
	if err != nil {
		d.fault("see the settings COUNTERSIGN_SMTP_…; Keycloak sends through the same server", "%s:%d: %v", d.SMTPHost, d.SMTPPort, err)
		return
	}
	how := "without TLS"
	if !ends.IsZero() {
		how = "with TLS"
	}
	if d.SMTPUser != "" {
		how += ", as " + d.SMTPUser
	}
	d.ok("%s:%d takes the conversation %s; nothing was sent", d.SMTPHost, d.SMTPPort, how)
	if ends.IsZero() && !loopback(d.SMTPHost) {
		d.warn("choose starttls or tls as COUNTERSIGN_SMTP_TLS", "mail goes to another machine in the clear, and with it links that let somebody in")
	}
	d.certificate("the mail server's", ends)
}

func (d *doctor) certificate(whose string, ends time.Time) {
	if ends.IsZero() {
		return
	}
	if left := time.Until(ends); left < soon {
		d.warn("renew it", "%s certificate ends on %s", whose, ends.Format(time.DateOnly))
	} else {
		d.ok("%s certificate is good for %d days", whose, int(left.Hours()/24))
	}
}

// portal asks the public address as people and Keycloak would.
func (d *doctor) portal(ctx context.Context) {
	d.area = "portal"
	client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := ask(ctx, client, http.MethodGet, d.at("/"), "")
	if err != nil {
		d.warn("once serve runs: see that the proxy leads COUNTERSIGN_PUBLIC_URL to COUNTERSIGN_LISTEN", "%s does not answer from here: %v", d.PublicURL, err)
		return
	}
	if resp.StatusCode != http.StatusOK {
		d.fault("see what answers there, and that the proxy changes no path", "%s answers %s", d.PublicURL, resp.Status)
		return
	}
	d.ok("%s answers", d.PublicURL)
	d.headers(resp)
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		d.certificate("the portal's", resp.TLS.PeerCertificates[0].NotAfter)
	}
	d.backChannel(ctx, client)
}

func ask(ctx context.Context, client *http.Client, method, address, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return resp, errors.Join(err, resp.Body.Close())
}

// headers: a proxy may have taken away or doubled what the portal says.
func (d *doctor) headers(resp *http.Response) {
	want := []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"}
	if strings.HasPrefix(d.PublicURL, "https://") {
		want = append(want, "Strict-Transport-Security")
	}
	for _, name := range want {
		if n := len(resp.Header.Values(name)); n != 1 {
			d.fault("let the proxy pass the portal's headers on as they are", "the header %s comes %d times", name, n)
			return
		}
	}
	d.ok("the headers that keep pages safe come through")
}

// backChannel asks the address at which Keycloak tells of sign-outs; a token that
// is none is answered 400 by the portal, and by nobody else like that.
func (d *doctor) backChannel(ctx context.Context, client *http.Client) {
	resp, err := ask(ctx, client, http.MethodPost, d.at("/back-channel-logout"), "logout_token=none")
	portal, errPortal := url.Parse(d.PublicURL)
	realm, errRealm := url.Parse(d.Keycloak)
	switch {
	case err != nil || resp.StatusCode != http.StatusBadRequest:
		d.fault("let the proxy pass POST /back-channel-logout on: revoked sessions would stay open", "the address for Keycloak's sign-outs does not answer as it should")
	case errors.Join(errPortal, errRealm) == nil && loopback(portal.Hostname()) && !loopback(realm.Hostname()):
		d.fault("give COUNTERSIGN_PUBLIC_URL an address that Keycloak's machine can reach", "Keycloak is on another machine and is told of sign-outs at %s", portal.Host)
	default:
		d.ok("the address for Keycloak's sign-outs answers from this machine; from Keycloak's, only Keycloak can tell")
	}
}
