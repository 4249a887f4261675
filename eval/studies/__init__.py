"""Studies of a model from outside: how it is read, whether its colors are stable, what guidance is worth."""
