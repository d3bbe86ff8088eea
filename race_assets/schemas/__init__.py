"""The contracts between stages: every table's columns, types and meaning, as pandera schemas; no logic of any stage.

A table is a `pandera` schema whose metadata names its key and, where it lives in Postgres, its qualified name.
"""
