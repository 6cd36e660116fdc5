package local

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// KeycloakOptions say how a Keycloak server starts. All fields but Vault, Files and Measured are
// needed; a zero port is a free one.
type KeycloakOptions struct {
	Home              string // from KeycloakHome
	Log               string // file for what the server writes
	Port              int    // of the pages and the admin API
	ManagementPort    int    // of /health/ready
	Database          string // address of its database, as Postgres.URL gives it
	AdminClientID     string // service account of master, made when the database is empty
	AdminClientSecret string
	Vault             string // folder of secrets that the realms refer to; empty for none
	Files             string // folder of package realm's files; empty for none
	HeapMB            int    // most of the Java heap; the process takes some 200 MB more
	Measured          bool   // compile and hash passwords as a server for real people does; for figures
}

// Keycloak is a running Keycloak server, a child of ours that listens on 127.0.0.1 only.
type Keycloak struct {
	URL           string // http://localhost:PORT; a name, because passkeys refuse IP addresses
	ManagementURL string
	child         *child
}

// StartKeycloak starts the server and returns when it answers that it is ready: a database that it
// knows takes 8 s or more, one with empty tables half as long again, an empty one three times as long.
func StartKeycloak(ctx context.Context, o KeycloakOptions) (*Keycloak, error) {
	k, err := launchKeycloak(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := k.ready(ctx); err != nil {
		k.Stop()
		return nil, err
	}
	return k, nil
}

// launchKeycloak starts java itself: kc.sh would start it in the background, where a kill of the
// script leaves it running and holding the port.
func launchKeycloak(ctx context.Context, o KeycloakOptions) (*Keycloak, error) {
	java, err := findJava(ctx)
	if err != nil {
		return nil, err
	}
	if o.Port, err = claimPort(ctx, o.Port); err != nil {
		return nil, err
	}
	if o.ManagementPort, err = claimPort(ctx, o.ManagementPort); err != nil {
		return nil, err
	}
	k := &Keycloak{
		URL:           "http://localhost:" + strconv.Itoa(o.Port),
		ManagementURL: "http://" + loopback(o.ManagementPort),
	}
	cmd := exec.Command(java, javaArgs(o)...)
	if cmd.Env, err = keycloakEnv(o, k.URL); err != nil {
		return nil, err
	}
	log, err := logFile(o.Log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	k.child, err = startChild("keycloak", cmd, syscall.SIGTERM, log)
	if err != nil {
		return nil, err
	}
	return k, nil
}

// javaArgs are those of kc.sh 26.7, with a collector and a heap for a small machine.
func javaArgs(o KeycloakOptions) []string {
	var args []string
	if !o.Measured { // a server that lives for minutes does not earn back what its second compiler costs
		args = append(args, "-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=160m") // with one compiler it is 48m, which a test run fills
	}
	args = append(args,
		"-Xms64m", "-Xmx"+strconv.Itoa(o.HeapMB)+"m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError",
		"-Dfile.encoding=UTF-8", "-Duser.language=en", "-Duser.country=US",
		"-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
		"-Djava.util.logging.manager=org.jboss.logmanager.LogManager", "-Dpicocli.disable.closures=true",
		"--enable-native-access=ALL-UNNAMED",
	)
	for _, pkg := range []string{"java.util", "java.util.concurrent", "java.security", "java.lang"} {
		args = append(args, "--add-opens=java.base/"+pkg+"=ALL-UNNAMED")
	}
	return append(args,
		"-Dkc.home.dir="+o.Home, "-Djboss.server.config.dir="+filepath.Join(o.Home, "conf"),
		"-cp", filepath.Join(o.Home, "lib", "quarkus-run.jar"), "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
		"start", "--optimized")
}

// keycloakEnv configures the server by its environment, so that no secret is in the list of processes.
func keycloakEnv(o KeycloakOptions, hostname string) ([]string, error) {
	db, err := url.Parse(o.Database)
	if err != nil {
		return nil, errors.New("the address of Keycloak's database cannot be read") // the cause would show the password
	}
	password, _ := db.User.Password()
	env := append(plainEnv(),
		"KC_DB_URL=jdbc:postgresql://"+db.Host+db.Path, "KC_DB_USERNAME="+db.User.Username(), "KC_DB_PASSWORD="+password,
		"KC_HTTP_ENABLED=true", "KC_HTTP_HOST=127.0.0.1", "KC_HTTP_PORT="+strconv.Itoa(o.Port),
		"KC_HTTP_MANAGEMENT_PORT="+strconv.Itoa(o.ManagementPort), "KC_HOSTNAME="+hostname,
		"KC_BOOTSTRAP_ADMIN_CLIENT_ID="+o.AdminClientID, "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET="+o.AdminClientSecret,
		"KC_CACHE=local", "KC_SHUTDOWN_DELAY=0s",
		"KC_LOG_LEVEL=warn,org.keycloak.common.Profile:error,org.keycloak.quarkus.runtime.services.BootstrapFilter:error")
	if o.Vault != "" {
		env = append(env, "KC_VAULT_DIR="+o.Vault)
	}
	if !o.Measured { // made-up people: Argon2 at full strength was two fifths of all that the tests' server did
		env = append(env, "KC_SPI_PASSWORD_HASHING__ARGON2__MEMORY=64", "KC_SPI_PASSWORD_HASHING__ARGON2__ITERATIONS=1")
	}
	if o.Files != "" {
		env = append(env, "KC_SPI_THEME__FOLDER__DIR="+filepath.Join(o.Files, "themes"),
			"KC_SPI_PASSWORD_POLICY__PASSWORD_BLACKLIST__BLACKLISTS_PATH="+filepath.Join(o.Files, "password-blacklists"))
	}
	return env, nil
}

// ready waits until the management port says so: the port of the pages opens earlier and answers 503.
func (k *Keycloak) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		if status(ctx, k.ManagementURL+"/health/ready") == http.StatusOK {
			return nil
		}
		select {
		case <-k.child.done:
			return k.child.died()
		case <-ctx.Done():
			return fmt.Errorf("keycloak is not ready: %w\n%s", ctx.Err(), k.child.tail)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Stop ends the server; without a shutdown delay that takes a tenth of a second.
func (k *Keycloak) Stop() { k.child.stop(syscall.SIGTERM, 10*time.Second) }

// status is the HTTP status of a GET, or 0 when nobody answers.
func status(ctx context.Context, address string) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}
