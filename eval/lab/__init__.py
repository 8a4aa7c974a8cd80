"""The labs: the agent that users run, asked set after set of questions, with reports that can be published."""
