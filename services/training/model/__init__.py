"""The ranker's Transformer: blocks, losses and the graphs that are served."""
