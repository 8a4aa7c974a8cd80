#!/usr/bin/env bash
# Speaks questions whose answers the language model writes at some length, with Debian's flite (its voices are free).
set -euo pipefail
cd "$(dirname "$0")"
say() { flite -voice "$2" -t "$3" -o "$1.wav"; }
say sky slt "Explain to me, in a few sentences, why the sky is blue."
say sleep rms "Tell me something that helps when I cannot sleep at night."
