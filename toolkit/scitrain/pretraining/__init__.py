"""Learn from formulas and molecules without labels: corpus, objectives, loop, judging."""
