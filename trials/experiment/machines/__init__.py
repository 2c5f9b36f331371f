"""The machines an experiment runs on."""
