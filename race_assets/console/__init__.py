"""Behind the command line: how runs are started and figures shown; `cli` is its front."""
