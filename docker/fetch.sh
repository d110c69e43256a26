#!/bin/sh
# Download the listed packages for one architecture and unpack them, without installing anything.
# Usage: fetch.sh ARCHITECTURE LIST FOLDER -> FOLDER/files (all unpacked), FOLDER/control/PACKAGE
set -eu

arch=$1
list=$2
folder=$3

mkdir -p "$folder/debs" "$folder/files" "$folder/control"

names=$(sed -e 's/#.*//' "$list" | while read -r name kind; do
    case "$name:$kind" in
        :*) ;;
        *:all) echo "$name" ;;
        *) echo "$name:$arch" ;;
    esac
done)

cd "$folder/debs"
# shellcheck disable=SC2086 # one word for each package
apt-get -qq -o APT::Sandbox::User=root -o Acquire::Retries=3 download $names

for deb in *.deb; do
    name=$(dpkg-deb --field "$deb" Package)
    dpkg-deb --field "$deb" > "$folder/control/$name"
    # As package lists have it: which file this was, for the bill of materials.
    sha256sum "$deb" | sed -e 's/^/SHA256: /' -e 's/ *[^ ]*$//' >> "$folder/control/$name"
    dpkg-deb --extract "$deb" "$folder/files"
done
