"""Which tool an utterance calls, and with what arguments."""
