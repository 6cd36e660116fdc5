#!/bin/sh
# A signed event by hand, with curl, jq and openssl: is it genuine, and for us? What an application checks before it ends sessions.
#
#   PORTAL=https://portal.example CLIENT_ID=viewer sh event.sh <token
#
# It prints the subject and the groups that are lost, or says what is wrong and fails.
set -eu
plain() { part=$(tr -- '-_' '+/'); while [ $((${#part} % 4)) -ne 0 ]; do part="$part="; done; printf %s "$part" | openssl base64 -d -A; }
wrong() { echo "refused: $1" >&2; exit 1; }

read -r token
head=$(printf %s "$token" | cut -d. -f1 | plain)
claims=$(printf %s "$token" | cut -d. -f2 | plain)
printf %s "$head" | jq -e '.typ == "secevent+jwt" and .alg == "EdDSA"' >/dev/null || wrong 'no signed event'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
key=$(curl -sS "$PORTAL/.well-known/jwks.json" | jq -r --arg kid "$(printf %s "$head" | jq -r .kid)" '.keys[] | select(.kid == $kid) | .x')
[ -n "$key" ] || wrong 'no such key'
{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; printf %s "$key" | plain; } >"$work/key" # Ed25519, as DER
printf %s "${token%.*}" >"$work/signed"
printf %s "${token##*.}" | plain >"$work/signature"
openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey "$work/key" -in "$work/signed" -sigfile "$work/signature" >/dev/null 2>&1 || wrong 'another signature'

printf %s "$claims" | jq -e --arg iss "$PORTAL" '.iss == $iss' >/dev/null || wrong 'another issuer'
printf %s "$claims" | jq -e --arg aud "$CLIENT_ID" '[.aud] | flatten | index($aud) != null' >/dev/null || wrong 'for somebody else'
printf %s "$claims" | jq -c '{sub: .sub_id.sub, lost: .events["https://schemas.openid.net/secevent/caep/event-type/session-revoked"].groups_lost}'
