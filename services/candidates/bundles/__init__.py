"""What the candidates service loads of a bundle, and how it lies on the catalog."""
