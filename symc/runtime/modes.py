"""What a network is compiled for."""

# inference; forward and backward; or gradients of what inference computes
INFERENCE, TRAINING, FROZEN = "inference", "training", "frozen"
