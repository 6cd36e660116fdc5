#!/bin/sh
# Brings files of npm packages that are not in the repository and proves them
# against the manifest beside them (committed: SHA-256 and name of every file).
# Nothing is fetched when all of them are there already. No script of a package
# is run.
#
#   sh broker/portal/assets.sh           the U.S. Web Design System's, which the pages use
#   sh broker/portal/assets.sh tests     axe-core, with which the tests look at the pages
#   sh broker/portal/assets.sh verify    fetch nothing, only verify the pages' files
set -eu

here=$(cd "$(dirname "$0")" && pwd)
case ${1:-} in
tests) package='axe-core@4.14.1' folder=$here/../look manifest=axe/manifest.txt ;;
*) package='@uswds/uswds@3.14.0' folder=$here/static manifest=manifest.txt ;;
esac
cd "$folder"

if sha256sum --check --status --strict "$manifest" 2>/dev/null; then
	exit 0
fi
if [ "${1:-}" = verify ]; then
	echo "portal: files of $package are missing or differ from $manifest" >&2
	exit 1
fi
command -v npm >/dev/null || {
	echo 'portal: npm is needed to bring the page style: apt-get install -y npm' >&2
	exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent --ignore-scripts "$package" >/dev/null && tar -xzf ./*.tgz)

# What a package builds is in its dist/, its licence beside that.
while read -r _ name; do
	file=${name#*/}
	mkdir -p "$(dirname "$name")"
	if [ -f "$work/package/dist/$file" ]; then
		cp "$work/package/dist/$file" "$name"
	else
		cp "$work/package/$file" "$name"
	fi
done <"$manifest"

if ! sha256sum --check --quiet --strict "$manifest"; then
	while read -r _ name; do rm -f "$name"; done <"$manifest"
	echo "portal: $package is not what $manifest names; nothing was kept" >&2
	exit 1
fi
