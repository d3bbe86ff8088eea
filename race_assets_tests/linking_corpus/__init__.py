"""A made-up, labelled corpus that measures how well races are linked; written without regard to any linker."""
