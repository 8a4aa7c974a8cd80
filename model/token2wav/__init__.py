"""Audio tokens to speech in the timbre of a reference clip: Step-Audio 2's Token2Wav."""
