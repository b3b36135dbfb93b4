#!/usr/bin/env bash
# Builds the image without any base image, so that no registry is needed: Python and the C libraries come from
# Debian's packages, the program's dependencies from the package index, by the lock file's hashes.
# The same inputs give the same file system, byte for byte.
set -euo pipefail

usage() {
    cat <<EOF
Usage: build-scratch.sh [--tag NAME] [--output FOLDER]

  --tag NAME        build the image NAME with docker; without it only the file system is made
  --output FOLDER   keep rootfs.tar, sbom.json and licences.txt there (build/image)

Needs Debian or Ubuntu with Python 3.11, apt-get, and the program's .venv (make install).
EOF
}

tag='' output=build/image
while [ $# -gt 0 ]; do
    case $1 in
        --tag) tag=${2:?--tag needs a name} && shift ;;
        --output) output=${2:?--output needs a folder} && shift ;;
        --help) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift
done
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

here=$PWD
uv=$here/.venv/bin/uv
python=python3.11
extras=(--extra gcp --extra kubernetes --extra rabbitmq --extra pubsub --extra hyperfleet --extra metrics --extra tracing)
# The time that every file is given: the last commit's.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
mkdir -p "$output"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/rootfs
mkdir -p "$root"/{app,etc,tmp} "$work/packages"

# Python without what only people use, and the C libraries that it and the wheels are linked to.
packages=(python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libc6 libgcc-s1 libstdc++6 libssl3 zlib1g
    libffi8 libexpat1 liblzma5 libbz2-1.0 libuuid1 libcrypt1 ca-certificates media-types netbase)
(cd "$work/packages" && apt-get download -q "${packages[@]}" >/dev/null)
for package in "$work"/packages/*.deb; do
    dpkg-deb --fsys-tarfile "$package" |
        tar -x -C "$root" --exclude='./usr/share/doc/*/*.gz' --exclude='./usr/share/man' --exclude='./usr/share/lintian'
    # shellcheck disable=SC2016 # these are dpkg's variables
    dpkg-deb --show --showformat='${Package} ${Version}\n' "$package"
done >"$work/debian.txt"
cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$work/ca.crt"
mkdir -p "$root/etc/ssl/certs" && mv "$work/ca.crt" "$root/etc/ssl/certs/ca-certificates.crt"
rm -rf "$root"/usr/share/ca-certificates "$root"/usr/sbin "$root"/usr/lib/python3.11/{idlelib,tkinter,turtledemo,ensurepip,lib2to3,pydoc_data,test}
ln -sf python3.11 "$root/usr/bin/python3"

"$uv" export --quiet --locked --no-dev --no-emit-project "${extras[@]}" --format requirements-txt \
    --output-file "$work/requirements.txt"
"$uv" pip install --quiet --no-config --require-hashes --only-binary :all: --python "$python" \
    --target "$root/app" --link-mode copy --requirements "$work/requirements.txt"
"$uv" build --quiet --wheel --out-dir "$work/wheel"
"$uv" pip install --quiet --no-deps --python "$python" --target "$root/app" --link-mode copy "$work"/wheel/*.whl
# The Kubernetes client's object model, which this program does without (infrastructure/kubernetes).
rm -rf "$root"/app/kubernetes/{aio,client/api,client/models}
rm -rf "$root"/app/bin "$root"/app/*.dist-info/{RECORD,INSTALLER,REQUESTED,direct_url.json,uv_cache.json} "$root/app/.lock"
find "$root" -name __pycache__ -prune -exec rm -rf {} + -o -type d -name tests -path '*/app/*' -prune -exec rm -rf {} +

# Bytecode that is never checked against its source: the file system cannot change.
(cd "$root" && "$python" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$root" -p / usr/lib/python3.11 app) || true

cat >"$root/usr/bin/pullsecret" <<'EOF'
#!/usr/bin/python3.11 -I
import sys

sys.path.insert(0, "/app")
from pullsecret.entrypoints.cli import main

main()
EOF
chmod 755 "$root/usr/bin/pullsecret"
printf 'root:x:0:0::/:\npullsecret:x:1000:1000::/tmp:\n' >"$root/etc/passwd"
printf 'root:x:0:\npullsecret:x:1000:\n' >"$root/etc/group"
chmod 1777 "$root/tmp"

"$uv" export --quiet --locked --no-dev "${extras[@]}" --format cyclonedx1.5 --preview-features sbom-export \
    --output-file "$output/sbom.json"
{
    echo "# Python packages"
    "$python" deploy/image/licences.py "$root/app"
    echo
    echo "# Debian packages; their licences are in /usr/share/doc/*/copyright"
    cat "$work/debian.txt"
} >"$output/licences.txt"
mkdir -p "$root/usr/share/doc/pullsecret"
cp "$output/licences.txt" LICENSE "$root/usr/share/doc/pullsecret/"

tar --create --file "$output/rootfs.tar" --directory "$root" --sort=name --mtime="@$SOURCE_DATE_EPOCH" \
    --owner=0 --group=0 --numeric-owner --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime .
sha256sum "$output/rootfs.tar"
echo "bytes: $(stat --format=%s "$output/rootfs.tar"), compressed: $(gzip -1 --stdout "$output/rootfs.tar" | wc -c)"
if [ -n "$tag" ]; then
    cp deploy/image/Containerfile.scratch "$work/Containerfile"
    cp "$output/rootfs.tar" "$work/rootfs.tar"
    printf '*\n!rootfs.tar\n' >"$work/.dockerignore"
    docker build --quiet --network none --tag "$tag" --file "$work/Containerfile" "$work"
fi
