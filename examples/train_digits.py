"""The two-layer network of MXNet's documents, composed in Python and trained on handwritten digits.

8x8 images of the digits 0 to 9 from scikit-learn; plain stochastic gradient descent written with NumPy.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

import symc as mx

BATCH, STEPS, RATE = 100, 400, 0.5


def network() -> mx.sym.Symbol:
    """softmax(W₂·relu(W₁·x + b₁) + b₂)."""
    net = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(net, name="fc1", num_hidden=128)
    net = mx.sym.Activation(net, name="relu1", act_type="relu")
    net = mx.sym.FullyConnected(net, name="fc2", num_hidden=10)
    return mx.sym.SoftmaxOutput(net, name="softmax")


def data() -> tuple[np.ndarray, np.ndarray]:
    """Images scaled to [0, 1], and labels, in a fixed random order."""
    digits = load_digits()
    order = np.random.RandomState(0).permutation(len(digits.target))
    return (digits.data[order] / 16).astype(np.float32), digits.target[order].astype(np.float32)


def train(executor: mx.Executor, images: np.ndarray, labels: np.ndarray) -> None:
    """A few hundred steps of gradient descent on the bound arrays."""
    random = np.random.RandomState(1)
    for name, array in executor.arg_dict.items():
        if name.endswith("weight"):
            array[:] = random.uniform(-0.1, 0.1, array.shape).astype(np.float32)
    for step in range(STEPS):
        chosen = (np.arange(BATCH) + step * BATCH) % len(labels)
        executor.forward(is_train=True, data=images[chosen], softmax_label=labels[chosen])
        executor.backward()
        for name, gradient in executor.grad_dict.items():
            if gradient is not None and name not in ("data", "softmax_label"):
                executor.arg_dict[name][:] = executor.arg_dict[name] - RATE / BATCH * gradient


def accuracy(executor: mx.Executor, images: np.ndarray, labels: np.ndarray) -> float:
    """Share of right answers over whole batches."""
    right = 0
    batches = len(labels) // BATCH
    for start in range(0, batches * BATCH, BATCH):
        output = executor.forward(data=images[start:start + BATCH])[0].asnumpy()
        right += int((output.argmax(axis=1) == labels[start:start + BATCH]).sum())
    return right / (batches * BATCH)


def main() -> float:
    """Train, and return the accuracy on images that training has not seen."""
    images, labels = data()
    executor = network().simple_bind(mx.cpu(), data=(BATCH, 64), softmax_label=(BATCH,))
    train(executor, images[:1400], labels[:1400])
    score = accuracy(executor, images[1400:], labels[1400:])
    print(f"accuracy on unseen digits after {STEPS} steps: {100 * score:.1f} %")
    return score


if __name__ == "__main__":
    main()
