"""Search hyperparameters: the space, the study that several processes share, the trials, what came of them."""
