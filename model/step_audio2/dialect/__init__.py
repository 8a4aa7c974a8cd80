"""Step-Audio 2's dialect: markers, prompts, token ids."""
