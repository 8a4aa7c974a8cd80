#!/usr/bin/env bash
# Speaks questions.tsv and questions_documents.tsv with Debian's flite; FLAC files go beside it. Its four voices are none of the agent's.
set -euo pipefail
cd "$(dirname "$0")/questions"
cat ../questions.tsv ../questions_documents.tsv | while IFS=$'\t' read -r name voice text _; do
    flite -voice "$voice" -t "$text" -o "/tmp/$name.wav"
    sox "/tmp/$name.wav" "$name.flac"
    rm "/tmp/$name.wav"
done
