"""Any language model as the mind behind the ears: LangChain's chat models."""
