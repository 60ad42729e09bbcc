"""Files of weights of other frameworks, read with the standard library and numpy."""
