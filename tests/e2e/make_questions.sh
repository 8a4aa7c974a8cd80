#!/usr/bin/env bash
# Speaks questions.tsv with Debian's flite; FLAC files go beside it. Its four voices are none of the agent's.
set -euo pipefail
cd "$(dirname "$0")/questions"
while IFS=$'\t' read -r name voice text _; do
    flite -voice "$voice" -t "$text" -o "/tmp/$name.wav"
    sox "/tmp/$name.wav" "$name.flac"
    rm "/tmp/$name.wav"
done < ../questions.tsv
