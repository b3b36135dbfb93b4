#!/usr/bin/env bash
# Builds the image without any base image, engine or registry: Python and the C libraries come from Debian's
# packages, the program's dependencies from the package index, by the lock file's hashes.
# The same commit and the same packages give the same image, byte for byte.
set -euo pipefail
umask 022
export LC_ALL=C

usage() {
    cat <<EOF2
Usage: build-scratch.sh [--tag NAME] [--load] [--output FOLDER] [--no-cache | --cached]

  --tag NAME        the image's name (pullsecret:latest)
  --load            have docker load the image at the end
  --output FOLDER   where image.tar, sbom.json and licences.txt are put (build/image)
  --no-cache        build the layer of the dependencies even if the cache has it
  --cached          exit with status 3 if the cache does not have that layer, which takes minutes to build

image.tar is an OCI layout that docker, podman, skopeo and containerd load. The cache is in
\${XDG_CACHE_HOME:-~/.cache}/pullsecret. Needs Debian or Ubuntu with Python 3.11 in its repositories, apt-get,
and the program's .venv (make install).
EOF2
}

tag=pullsecret:latest load=no output=build/image cache_use=yes
while [ $# -gt 0 ]; do
    case $1 in
        --tag) tag=${2:?--tag needs a name} && shift ;;
        --load) load=yes ;;
        --output) output=${2:?--output needs a folder} && shift ;;
        --no-cache) cache_use=no ;;
        --cached) cache_use=only ;;
        --help) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift
done
mkdir -p "$output"
output=$(realpath "$output")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

here=$PWD
uv=$here/.venv/bin/uv
program_python=$here/.venv/bin/python
extras=(--extra gcp --extra kubernetes --extra rabbitmq --extra pubsub --extra hyperfleet --extra metrics --extra tracing)
# Python without what only people use, and the C libraries that it and the wheels are linked to.
packages=(python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libc6 libgcc-s1 libstdc++6 libssl3 zlib1g
    libffi8 libexpat1 liblzma5 libbz2-1.0 libuuid1 libcrypt1 ca-certificates media-types netbase)
# When the image says that it was made; its files bear no time.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/dependencies
python=$root/usr/bin/python3.11

# archive FOLDER FILE
archive() {
    tar --create --file "$2" --directory "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
        --format=posix --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime .
}

# Bytecode that is never checked against its source: the file system cannot change. One process compiles one file
# after another, since what it interned before shows in the bytecode; it writes none of its own (-B). A
# few files are no Python 3.11; they stay as they are.
compile() {
    "$python" -I -B -m compileall -q -f --invalidation-mode unchecked-hash -s "$1" -p / "${@:2}" >/dev/null || true
}

build_dependencies() {
    mkdir -p "$root"/{app,etc,tmp,usr/share/doc/pullsecret} "$work/packages"
    (cd "$work/packages" && apt-get download -q "${packages[@]}" >/dev/null)
    for package in "$work"/packages/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --exclude='./usr/share/doc/*/*.gz' \
            --exclude='./usr/share/man' --exclude='./usr/share/lintian' --exclude='./usr/share/bug' \
            --exclude='*/gconv' --exclude='./usr/sbin'
        # shellcheck disable=SC2016 # these are dpkg's variables
        dpkg-deb --show --showformat='${Package} ${Version} ${Architecture}\n' "$package"
    done >"$root/usr/share/doc/pullsecret/debian.txt"
    mkdir -p "$root/etc/ssl/certs"
    cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
    rm -rf "$root/usr/share/ca-certificates" \
        "$root"/usr/lib/python3.11/{idlelib,tkinter,turtledemo,ensurepip,lib2to3,pydoc_data,test,turtle.py}
    ln -sf python3.11 "$root/usr/bin/python3"

    "$uv" pip install --quiet --no-config --require-hashes --only-binary :all: --python "$python" \
        --target "$root/app" --link-mode copy --requirements "$work/requirements.txt"
    # The Kubernetes client's object model, which this program does without and which is loaded on demand (all but
    # the packages' own modules), API versions of Google's that it does not speak, and what only compilers and
    # editors read.
    rm -rf "$root"/app/kubernetes/aio "$root"/app/google/cloud/secretmanager_v1beta{1,2}
    find "$root"/app/kubernetes/client/{api,models} -type f ! -name __init__.py -delete
    find "$root/app" -type f \( -name '*.c' -o -name '*.h' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' \) -delete
    find "$root/app" -type d -name tests -prune -exec rm -rf {} +
    strip_installer "$root/app"

    find "$root" -name __pycache__ -prune -exec rm -rf {} +
    compile "$root" "$root/usr/lib/python3.11" "$root/app"
    printf 'root:x:0:0::/:\npullsecret:x:1000:1000::/tmp:\n' >"$root/etc/passwd"
    printf 'root:x:0:\npullsecret:x:1000:\n' >"$root/etc/group"
    chmod 1777 "$root/tmp"
    archive "$root" "$1"
}

build_program() {
    local program=$work/program
    local documents=$program/usr/share/doc/pullsecret
    mkdir -p "$program"/{app,usr/bin} "$documents"
    "$uv" build --quiet --wheel --out-dir "$work/wheel"
    "$uv" pip install --quiet --no-deps --no-config --python "$python" --target "$program/app" --link-mode copy \
        "$work"/wheel/*.whl
    strip_installer "$program/app"
    compile "$program" "$program/app"
    sed 's/python3\.12/python3.11/' deploy/image/pullsecret >"$program/usr/bin/pullsecret"
    chmod 755 "$program/usr/bin/pullsecret"

    "$uv" export --quiet --locked --no-dev "${extras[@]}" --format cyclonedx1.5 --preview-features sbom-export \
        --output-file "$work/sbom.json"
    "$program_python" deploy/image/sbom.py "$work/sbom.json" "$root/usr/share/doc/pullsecret/debian.txt" \
        >"$output/sbom.json"
    {
        echo "# Python packages"
        "$program_python" deploy/image/licences.py "$root/app" "$program/app"
        echo
        echo "# Debian packages; their licences are in /usr/share/doc/*/copyright"
        cat "$root/usr/share/doc/pullsecret/debian.txt"
    } >"$output/licences.txt"
    cp "$output/sbom.json" "$output/licences.txt" LICENSE "$documents/"
    archive "$program" "$1"
}

# What an installer leaves for itself, and scripts that this image has no shell for.
strip_installer() {
    rm -rf "${1:?}"/bin "$1"/*.dist-info/{RECORD,INSTALLER,REQUESTED,direct_url.json,uv_cache.json,uv_build.json} "$1"/.lock
}

"$uv" export --quiet --locked --no-dev --no-emit-project "${extras[@]}" --format requirements-txt --no-header \
    --output-file "$work/requirements.txt"
# Debian's own hash of each package, whichever mirror it comes from.
apt-get download -q --print-uris "${packages[@]}" | awk '{print $2, $4}' | sort >"$work/debian-hashes.txt"
key=$(cat "$work/requirements.txt" "$work/debian-hashes.txt" deploy/image/build-scratch.sh | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pullsecret
dependencies=$cache/image-dependencies-$key.tar
if [ "$cache_use" != no ] && [ -f "$dependencies" ]; then
    touch "$dependencies"
    mkdir "$root"
    tar -xf "$dependencies" -C "$root"
elif [ "$cache_use" = only ]; then
    echo "the image's dependencies are not built; run 'make image'" >&2
    exit 3
else
    mkdir -p "$cache"
    build_dependencies "$work/dependencies.tar"
    mv "$work/dependencies.tar" "$dependencies.$$" && mv "$dependencies.$$" "$dependencies"
    find "$cache" -name 'image-dependencies-*.tar' -mtime +30 -delete
fi
build_program "$work/program.tar"
version=$("$program_python" -c 'import tomllib; print(tomllib.load(open("pyproject.toml", "rb"))["project"]["version"])')
revision=$(git describe --always --dirty --abbrev=40 2>/dev/null || true)
"$program_python" deploy/image/archive.py --output "$output/image.tar" --name "$tag" \
    --version "$version" --revision "$revision" "$dependencies" "$work/program.tar"
sha256sum "$output/image.tar"
if [ "$load" = yes ]; then
    docker load --quiet --input "$output/image.tar"
fi
