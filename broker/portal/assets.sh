#!/bin/sh
# Brings files of npm packages that are not in the repository and proves them
# against the manifest beside them (committed: SHA-256 and name of every file).
# Nothing is fetched when all of them are there already. No script of a package
# is run.
#
#   sh broker/portal/assets.sh           what the pages use: the U.S. Web Design System's
#                                        files, and those of the sign-up page's challenge
#   sh broker/portal/assets.sh tests     axe-core, with which the tests look at the pages
#   sh broker/portal/assets.sh verify    fetch nothing, only verify the pages' files
set -eu

here=$(cd "$(dirname "$0")" && pwd)
case ${1:-} in
tests) packages='axe=axe-core@4.14.1' folder=$here/../look manifest=axe/manifest.txt ;;
*) packages='uswds=@uswds/uswds@3.14.0 altcha=altcha@3.2.2' folder=$here/static manifest=manifest.txt ;;
esac
cd "$folder"

if sha256sum --check --status --strict "$manifest" 2>/dev/null; then
	exit 0
fi
if [ "${1:-}" = verify ]; then
	echo "portal: files of $packages are missing or differ from $manifest" >&2
	exit 1
fi
command -v npm >/dev/null || {
	echo 'portal: npm is needed to bring the page style: apt-get install -y npm' >&2
	exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in $packages; do # folder=package
	mkdir "$work/${package%%=*}"
	(cd "$work/${package%%=*}" && npm pack --silent --ignore-scripts "${package#*=}" >/dev/null && tar -xzf ./*.tgz)
done

# What a package builds is in its dist/, its licence beside that.
while read -r _ name; do
	package=$work/${name%%/*}/package
	file=${name#*/}
	mkdir -p "$(dirname "$name")"
	if [ -f "$package/dist/$file" ]; then
		cp "$package/dist/$file" "$name"
	else
		cp "$package/$file" "$name"
	fi
done <"$manifest"

if ! sha256sum --check --quiet --strict "$manifest"; then
	while read -r _ name; do rm -f "$name"; done <"$manifest"
	echo "portal: $packages are not what $manifest names; nothing was kept" >&2
	exit 1
fi
