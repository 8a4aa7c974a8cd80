"""Text RAG: documents, passages, and the index over them."""
