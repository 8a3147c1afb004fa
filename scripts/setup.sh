# Shared set-up of the scripts beside it: sourced, never run. POSIX sh.
#
# The caller has done `set -eu` and sets `root` to the top of the checkout.
# Messages go to stderr, so that the standard output belongs to the program that is started.

# Debian and Ubuntu names of what is needed. Nothing else in this repository lists packages.
build_packages="libncurses-dev libiberty-dev liblzma-dev libtomlplusplus-dev"
test_packages="gcc g++ libc6-dev binutils gdb strace tmux python3 xz-utils groff-base man-db"

# Oldest Swift that builds this package.
swift_major=6
swift_minor=2

# A crash is a test result, not a conversation: without this the runtime's backtracer asks questions on a terminal.
export SWIFT_BACKTRACE=enable=no

say() { printf '%s\n' "perftop set-up: $*" >&2; }

fail() {
    say "$*"
    exit 1
}

# The words of $1 that dpkg does not report as installed.
missing_packages() {
    for name in $1; do
        case "$(dpkg-query -W -f='${Status}' "$name" 2>/dev/null)" in
            *' installed') ;;
            *) printf '%s ' "$name" ;;
        esac
    done
}

is_debian() {
    [ -r /etc/os-release ] || return 1
    # A subshell keeps the file's variables out of ours.
    case "$(. /etc/os-release && printf ' %s %s ' "${ID:-}" "${ID_LIKE:-}")" in
        *' debian '* | *' ubuntu '*) command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ;;
        *) return 1 ;;
    esac
}

# Runs apt-get as root without a word; what it said is in $apt_output.
apt() {
    set -- env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"
    if [ "$(id -u)" -ne 0 ]; then
        # Without a terminal sudo could only wait for a password that nobody types.
        if [ -t 0 ]; then set -- sudo "$@"; else set -- sudo -n "$@"; fi
    fi
    apt_output=$("$@" 2>&1)
}

# Makes sure that the packages named in $1 are installed, or ends with one line that says what to do.
need_packages() {
    if ! is_debian; then
        need_elsewhere "$1"
        return 0
    fi
    absent=$(missing_packages "$1")
    [ -n "$absent" ] || return 0
    if [ "$(id -u)" -eq 0 ]; then
        say "installing ${absent% }"
    elif command -v sudo >/dev/null; then
        say "installing ${absent% } (through sudo)"
    else
        fail "missing packages and neither root nor sudo: as root, run: apt-get install ${absent% }"
    fi
    # Package lists are often missing or old on a fresh machine: then they are fetched and it is tried again.
    # shellcheck disable=SC2086
    apt install --no-install-recommends $absent && return 0
    apt update || say "apt-get update failed; trying with the package lists that are here"
    # shellcheck disable=SC2086
    apt install --no-install-recommends $absent && return 0
    printf '%s\n' "$apt_output" >&2
    fail "could not install: ${absent% }"
}

# Another distribution: the packages have other names there, so the files that matter are looked for instead.
need_elsewhere() {
    if [ "${PERFTOP_SKIP_PACKAGES:-}" = 1 ]; then return 0; fi
    say "this is not Debian or Ubuntu. Install what they call: $1"
    say "then run again with PERFTOP_SKIP_PACKAGES=1"
    exit 1
}

# Ends with one line unless a Swift that is new enough is there.
need_swift() {
    command -v swift >/dev/null ||
        fail "Swift is not installed: version $swift_major.$swift_minor or later is needed (https://www.swift.org/install/linux)"
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] || fail "\`swift --version\` says nothing that can be understood; version $swift_major.$swift_minor or later is needed"
    major=${version%%.*}
    rest=${version#*.}
    minor=${rest%%.*}
    if [ "$major" -lt "$swift_major" ] || { [ "$major" -eq "$swift_major" ] && [ "$minor" -lt "$swift_minor" ]; }; then
        fail "Swift $version is too old: version $swift_major.$swift_minor or later is needed (https://www.swift.org/install/linux)"
    fi
}

# Sets `scratch` to where this user builds: .build in the checkout, or a place of their own where that belongs to
# somebody else (root built first, a checkout that may only be read). `scratch_note` says so, or is empty.
choose_scratch() {
    scratch=$root/.build
    scratch_note=
    if [ -e "$scratch" ]; then
        # shellcheck disable=SC3067
        [ -O "$scratch" ] && [ -w "$scratch" ] && return 0
    elif [ -w "$root" ]; then
        return 0
    fi
    cache=${XDG_CACHE_HOME:-${HOME:-/tmp/perftop-$(id -u)}/.cache}
    scratch=$cache/perftop/build-$(printf '%s' "$root" | cksum | cut -d ' ' -f 1)
    scratch_note="$root/.build belongs to another user or cannot be written: building in $scratch"
    # The package manager writes the versions it chose beside Package.swift.
    [ -w "$root" ] || [ -e "$root/Package.resolved" ] ||
        fail "$root cannot be written by this user: build once as its owner, or use a checkout of your own"
    mkdir -p "$scratch" 2>/dev/null || fail "$root/.build belongs to another user and $scratch cannot be made"
}

# True when nothing that the build in $1 has read is newer than the last one that succeeded. Where there is no Swift
# (root's search path has often none), what another user has built counts.
is_current() {
    compiler=$(command -v swift || true)
    compiler=$([ -z "$compiler" ] || ls -dlL "$compiler")
    [ -x "$1/release/perftop" ] && [ -f "$1/run.stamp" ] || return 1
    [ -z "$compiler" ] || [ "$(cat "$1/run.stamp")" = "$compiler" ] || return 1
    [ -z "$(find "$root/Package.swift" "$root/Sources" "$root/scripts/setup.sh" -newer "$1/run.stamp" -print 2>/dev/null)" ]
}

# Sets `binary` to the program as users get it, built where something has changed.
build_release() {
    choose_scratch
    binary=$scratch/release/perftop
    ! is_current "$scratch" || return 0
    stamp=$scratch/run.stamp
    need_packages "$build_packages"
    need_swift
    [ -z "$scratch_note" ] || say "$scratch_note"
    if [ -x "$binary" ]; then say "building what changed"; else say "building; the first time takes a minute or two"; fi
    log=$(mktemp)
    trap 'rm -f "$log" "$stamp.next"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    mkdir -p "$scratch"
    # Taken before the build: what is edited while it runs is built the next time.
    printf '%s\n' "$compiler" >"$stamp.next"
    if ! swift build --package-path "$root" --scratch-path "$scratch" -c release --product perftop \
        --static-swift-stdlib >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        fail "the build failed"
    fi
    mv "$stamp.next" "$stamp"
    rm -f "$log"
    trap - EXIT INT TERM
}

# What scripts/install puts below PREFIX and scripts/uninstall takes away; no name has a blank in it.
installed_files="bin/perftop
share/man/man1/perftop.1
share/bash-completion/completions/perftop
share/zsh/site-functions/_perftop
share/fish/vendor_completions.d/perftop.fish"

# Sets `prefix`, `destination` and `top`, the folder that the files are below now: PREFIX, inside of DESTDIR where a package
# is made.
choose_prefix() {
    prefix=${PREFIX:-/usr/local}
    case $prefix in /*) ;; *) fail "PREFIX is $prefix: it has to be an absolute path" ;; esac
    prefix=${prefix%/}
    case ${DESTDIR:-/} in /*) ;; *) fail "DESTDIR is $DESTDIR: it has to be an absolute path" ;; esac
    destination=${DESTDIR:-}
    destination=${destination%/}
    top=$destination$prefix
}

# Ends with one line unless this user can write to the folder $1, or make it. $2 is the script to name.
need_writable() {
    place=$1
    while [ ! -e "$place" ]; do place=$(dirname -- "$place"); done
    if [ -d "$place" ] && [ -w "$place" ]; then return 0; fi
    fail "$place cannot be written by this user: run $2 as root, or choose a place of your own: PREFIX=\$HOME/.local $2"
}
