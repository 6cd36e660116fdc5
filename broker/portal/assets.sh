#!/bin/sh
# Brings the U.S. Web Design System files that the pages use into
# static/uswds/ (not committed) and proves them against static/manifest.txt
# (committed: SHA-256 and name of every file). Nothing is fetched when all of
# them are there already. No script of the package is run.
#
#   sh broker/portal/assets.sh           bring and verify
#   sh broker/portal/assets.sh verify    verify only
set -eu

package='@uswds/uswds@3.14.0'
here=$(cd "$(dirname "$0")" && pwd)
manifest=$here/static/manifest.txt
cd "$here/static"

if sha256sum --check --status --strict "$manifest" 2>/dev/null; then
	exit 0
fi
if [ "${1:-}" = verify ]; then
	echo "portal: static/uswds is missing or differs from static/manifest.txt" >&2
	exit 1
fi
command -v npm >/dev/null || {
	echo 'portal: npm is needed to bring the page style: apt-get install -y npm' >&2
	exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent --ignore-scripts "$package" >/dev/null && tar -xzf ./*.tgz)

rm -rf uswds
while read -r _ name; do
	file=${name#uswds/}
	mkdir -p "$(dirname "$name")"
	case $file in
	LICENSE.md) cp "$work/package/$file" "$name" ;;
	*) cp "$work/package/dist/$file" "$name" ;;
	esac
done <"$manifest"

if ! sha256sum --check --quiet --strict "$manifest"; then
	rm -rf uswds
	echo "portal: $package is not what static/manifest.txt names; nothing was kept" >&2
	exit 1
fi
