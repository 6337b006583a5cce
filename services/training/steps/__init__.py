"""The steps of a training run: snapshot, examples, fit, evaluate, export, bundle, gate, publish, activate, prune."""
