#!/bin/sh
# Makes a Debian package out of an installed tree, the same bytes each time.
#
#     SOURCE_DATE_EPOCH=SECONDS packaging/deb.sh TREE VERSION ARCHITECTURE OUTPUT.deb
#
# TREE is what `make install DESTDIR=TREE` made; it is changed. The maintainer is the author of the
# last commit, unless MAINTAINER names another.
set -eu
umask 022

tree=$1 version=$2 architecture=$3 output=$4
debian=$(dirname "$0")/debian
maintainer=${MAINTAINER:-$(git log -1 --format='%an <%ae>')}
documents=$tree/usr/share/doc/connwatch
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fill() {
	sed -e "s|@VERSION@|$version|; s|@ARCHITECTURE@|$architecture|; s|@MAINTAINER@|$maintainer|" \
		-e "s|@DATE@|$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")|" \
		-e "s|@SIZE@|${size:-}|; s|@DEPENDS@|${depends:-}|" "$debian/$1"
}

# dpkg-shlibdeps wants to stand in a source package.
depends_of() {
	mkdir "$scratch/debian"
	: >"$scratch/debian/control"
	(cd "$scratch" && dpkg-shlibdeps -O "$@") | sed -n 's/^shlibs:Depends=//p'
}

find "$tree/usr/share/man" -type f ! -name '*.gz' -exec gzip -9n {} +
mv "$tree/usr/share/bash-completion/completions/connwatchctl.bash" \
	"$tree/usr/share/bash-completion/completions/connwatchctl"
fill changelog | gzip -9n >"$documents/changelog.gz"
install -m 644 "$debian/copyright" "$documents"

mkdir "$tree/DEBIAN"
(cd "$tree" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
install -m 755 "$debian/postinst" "$debian/prerm" "$debian/postrm" "$tree/DEBIAN"
depends=$(depends_of "$(realpath "$tree")"/usr/bin/* "$(realpath "$tree")"/usr/lib/connwatch/connwatch-namespace)
size=$(du -k -s --apparent-size "$tree/usr" | cut -f1)
fill control >"$tree/DEBIAN/control"
dpkg-deb --root-owner-group --build "$tree" "$output" >/dev/null
