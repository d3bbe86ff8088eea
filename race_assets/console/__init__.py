"""Behind the command line: how runs are started from it and how figures and tables look there; `cli.py` is its front."""
