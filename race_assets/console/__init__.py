"""Behind the command line: how runs are started and figures shown; `cli.py` is its front."""
