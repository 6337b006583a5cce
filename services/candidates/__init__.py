"""The candidates service: the catalog, and from it the few hundred items worth ranking."""
