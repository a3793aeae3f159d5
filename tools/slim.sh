#!/usr/bin/env bash
# Takes out of an environment what only building and testing need: `tools/slim.sh /venv`. Needs `strip` (binutils).
set -euo pipefail
packages=("$1"/lib/python*/site-packages)
cd "${packages[0]}"
# Headers and libclang are for building extensions.
rm -rf tensorflow/include clang pyarrow/include
# The packages' own tests. What is called so and not named here may be part of a program.
rm -rf h5py/tests numpy/tests numpy/*/tests onnx/backend/test pandas/tests plotly/matplotlylib/tests pyarrow/tests
# TensorFlow's libraries come with the names of all their functions, a third of their size, which only a debugger reads. No other
# package's: what has been patched after it was linked, as NumPy's OpenBLAS, does not always bear it.
find tensorflow -type f -name '*.so*' -exec strip --strip-unneeded {} +
