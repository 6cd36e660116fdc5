# make demo           runs the product with its own Keycloak, PostgreSQL and mail catcher;
#                     options go in ARGS: make demo ARGS="--data DIR --port-base N --fresh"
# make test           the whole test suite, with the race detector, on one such set of servers
# make older          provisioning, sign-in and revocation on Keycloak 26.5.6, or on KEYCLOAK_VERSION=…
# make axe            every page in every state, language and width under axe-core, by keyboard and without
#                     scripts; minutes
# make pictures       the pictures of README anew, into docs/pictures
# make bench          the product beside a bare loop of the same calls to Keycloak; minutes, on an idle machine
# make faults         every fault of TestFaults many times over, and its table; an hour or so, less with
#                     fewer rounds: make faults ARGS="-faults.rounds 1 -faults.edits 200"
# make lint           gofmt, vet and staticcheck
# make requirements   each requirement with the tests that name it
#
# What is missing (Debian packages, Keycloak, the design system's files, Go modules) is installed at
# first, or the line that does so is printed. Keycloak is kept in the user's cache folder.

BIN := .build/countersign

.PHONY: demo test older axe pictures bench faults lint requirements build assets

# exec: signals reach the product itself and not make's shell.
demo: assets build
	@exec $(BIN) demo $(ARGS)

test: assets build
	sh .ci/install chromium
	sh broker/portal/assets.sh tests
	@unformatted=$$(gofmt -l .ci broker cmd keycloak-realm policies provisioning); test -z "$$unformatted" || { echo "gofmt -w is due for: $$unformatted"; exit 1; }
	go vet ./...
	exec $(BIN) local -- go test -race -count=1 -parallel 5 -timeout 30m ./...

# Another version than the pinned one is fetched and kept beside it, with tables of its own. 26.5.6 keeps
# no secret of a client in a vault and has other fine-grained permissions: what is about those is left out.
older: export KEYCLOAK_VERSION ?= 26.5.6
older: assets build
	exec $(BIN) local -- sh -c 'go test -count=1 -parallel 5 -timeout 30m -skip "Vault|NoSecret|Capabilities|Shared|QuickRealms" ./provisioning/keycloak && \
	go test -count=1 -parallel 5 -timeout 30m -run "FirstGrant|SignUp$$|SignOut|SignIn|Strength|Deactivated|Ends|PlannedEnd|LeavesOneOfTwo|NobodyWorks|Receipt|Revo" ./broker'

axe: assets
	sh .ci/install chromium
	sh broker/portal/assets.sh tests
	go vet -tags axe ./broker/portal
	go test -tags axe -count=1 -run TestAllLooks -timeout 20m ./broker/portal

pictures: assets
	sh .ci/install chromium
	mkdir -p docs/pictures
	go test -tags pictures -count=1 -run TestPictures -timeout 20m ./broker/portal

bench: assets build
	exec $(BIN) local --measured -- go test -count=1 -run '^$$' -bench 'AdminAPI|Compare' -benchtime 1x -timeout 20m ./provisioning/keycloak
	exec $(BIN) local --measured -- go test -tags bench -count=1 -run TestBench -v -timeout 20m ./broker

faults: assets build
	go vet -tags faults ./broker
	exec $(BIN) local -- go test -tags faults -v -count=1 -run 'TestManyFaults$$' -timeout 6h ./broker $(ARGS)

lint:
	sh .ci/lint

requirements:
	@go run ./.ci/requirements

# go build knows best what has changed.
build:
	go build -ldflags "-X main.built=$$(git describe --always --dirty 2>/dev/null)" -o .build/ ./cmd/countersign ./cmd/relying-app

assets:
	sh .ci/install
	sh broker/portal/assets.sh
