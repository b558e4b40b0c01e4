#!/bin/sh
# Where does a model keep the fact that Kyiv is the capital of Ukraine?  Builds loci and traces a tiny model on a
# picture of a flag: a heat map per site in the terminal, a plot and the numbers in build/demo/.
set -eu
cd "$(dirname "$0")"
tools/setup.sh
tools/build.sh release
mkdir -p build/demo
build/release/loci trace -m models/flags -i models/flags/images/ukraine.png \
  -q "What is the capital of this country?" -c country --window 3 \
  -o build/demo/trace.png -o build/demo/trace.json
echo
echo "The plot is in $PWD/build/demo/trace.png, the numbers are in $PWD/build/demo/trace.json."
echo "To ask it yourself, in your browser: build/release/loci serve -m models/flags"
