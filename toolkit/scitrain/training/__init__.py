"""Train networks: options, automatic choices, the predictor that is kept, and the loop."""
