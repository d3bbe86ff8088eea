"""Our figures and our peers', measured in one run; nothing here is part of the installed package."""
