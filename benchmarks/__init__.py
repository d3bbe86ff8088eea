"""The load test: our figures and our peers', measured in one run; nothing here is part of the installed package."""

EMPTY_SHAPE_VARIABLE = "BENCH_EMPTY_SHAPE"
"""How `small_day` tells `empty_project`, which must import nothing else of ours, what our definitions look like."""
