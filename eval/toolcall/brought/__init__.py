"""Whether an agent calls, asks back or refuses rightly, where all it has are tools that a developer brings."""
