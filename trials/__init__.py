"""One process, one measurable run: the stages generate to report, alone or as NNI trials."""
