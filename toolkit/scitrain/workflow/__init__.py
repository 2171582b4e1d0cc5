"""Steps that several operations take: stage timing, choosing a network, judging it, writing down what was found."""
