#!/usr/bin/env bash
# Speaks the demonstration's questions with Debian's flite (its voices are free), so that nobody's recording is needed.
set -euo pipefail
cd "$(dirname "$0")"
say() { flite -voice "$2" -t "$3" -o "$1.wav"; }
say 1-documents slt "According to the manual, how often should I descale the espresso machine?"
say 1b-source slt "Where did you get that?"
say 1c-unknown slt "Does the Lighthouse Hotel have a helicopter landing pad?"
say 2-time rms "What time is it in Tokyo right now?"
say 3-voice slt "Please speak like a deep old man."
say 4-web rms "Search the web for the latest news about space travel."
say 5-carried-over slt "Tell me, what is the capital of France?"
