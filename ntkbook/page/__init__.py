"""How a result is shown: figures, explorable figures, claims and exercises."""
