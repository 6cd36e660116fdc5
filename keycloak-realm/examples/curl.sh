#!/bin/sh
# The contract by hand, with curl and openssl: sign in, read the groups, ask whether the token still holds.
#
#   ISSUER=https://id.example/realms/countersign CLIENT_ID=viewer CLIENT_SECRET=… REDIRECT=https://viewer.example/callback sh curl.sh
#
# It prints the address to open in a browser, and reads the address on which one lands after signing in.
set -eu
b64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
field() { sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p'; }
claims() { part=$(cut -d. -f2 | tr -- '-_' '+/'); while [ $((${#part} % 4)) -ne 0 ]; do part="$part="; done; printf %s "$part" | openssl base64 -d -A; }
# The secret goes to curl by a file handle: a command line can be read by everybody on the machine.
asks() { printf 'user = "%s:%s"\n' "$CLIENT_ID" "$CLIENT_SECRET" | curl -sS --config - "$@"; }

at="$ISSUER/protocol/openid-connect"
verifier=$(openssl rand 48 | b64url)
challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | b64url)
state=$(openssl rand 16 | b64url)

echo "Open: $at/auth?response_type=code&client_id=$CLIENT_ID&redirect_uri=$REDIRECT&scope=openid&state=$state&code_challenge=$challenge&code_challenge_method=S256"
echo 'Paste the address on which you land:'
read -r landed
case $landed in *"state=$state"*) ;; *) echo 'not the answer to this sign-in' >&2; exit 1 ;; esac
code=$(printf %s "$landed" | sed 's/.*[?&]code=\([^&]*\).*/\1/')

tokens=$(asks "$at/token" -d grant_type=authorization_code -d "code=$code" -d "redirect_uri=$REDIRECT" -d "code_verifier=$verifier")
access=$(printf %s "$tokens" | field access_token)
refresh=$(printf %s "$tokens" | field refresh_token)

echo "The access token says: $(printf %s "$access" | claims)"
echo "Introspection says now: $(asks "$at/token/introspect" -d "token=$access")"

# Whoever leaves a group while this waits is seen at the next introspection, and at the next refresh.
echo 'Press enter to refresh:'
read -r _ || true
renewed=$(asks "$at/token" -d grant_type=refresh_token -d "refresh_token=$refresh")
echo "The refreshed token says: $(printf %s "$renewed" | field access_token | claims)"
echo "Signing out: $(asks -o /dev/null -w '%{http_code}' "$at/logout" -d "refresh_token=$(printf %s "$renewed" | field refresh_token)")"
