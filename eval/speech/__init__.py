"""How well speech is recognised, spoken and told apart."""
