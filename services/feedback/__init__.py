"""The feedback service: keeps what users did for good, and each user's recent history at hand."""
