"""NNI's manager: its processes, interface, log files."""
