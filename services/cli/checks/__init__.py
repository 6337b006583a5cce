"""What `trommel doctor` looks at, one file a subject."""
