#!/bin/sh
# Makes a virtual environment with a Python that TensorFlow has wheels for: make_venv.sh FOLDER
set -eu
folder=$1

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null
}

if [ -x "$folder/bin/python" ] && fits "$folder/bin/python" && "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

python=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if fits "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    found=$("${PYTHON:-python3}" --version 2>/dev/null || echo "not there")
    echo "lstmviz needs Python 3.11, 3.12 or 3.13; ${PYTHON:-python3} is $found." >&2
    echo "Install one (Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
fi

# Debian ships venv without ensurepip, in a package of its own.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    "$(dirname "$0")/apt_install.sh" "$package" || {
        echo "$python cannot make a virtual environment. Install the package $package, then try again." >&2
        exit 1
    }
fi

echo "Making $folder with $("$python" --version)"
"$python" -m venv --clear "$folder"
