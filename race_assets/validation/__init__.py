"""Judging: the rules, what each row or race is refused for, and the account; no repairing and no storing."""
