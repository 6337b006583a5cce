"""The text encoder: a BERT-family model made ready for Triton."""
