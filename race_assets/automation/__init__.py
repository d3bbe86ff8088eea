"""What runs by itself: jobs, the schedule and the sensors; what they start is in `assets/` and `pipeline/`."""
