"""Sentences as numbers.  MXNet: mx.rnn.io."""

from __future__ import annotations

from collections.abc import Iterable

from symc.errors import SymcError
from symc.frontend.outside import refusal

Vocabulary = dict[str, int]


BucketSentenceIter = refusal("rnn", "BucketSentenceIter", "NumPy arrays of encode_sentences, padded to the lengths of "
                             "the buckets, and one executor for each length")


def encode_sentences(sentences: Iterable[Iterable[str]], vocab: Vocabulary | None = None, invalid_label: int = -1,
                     invalid_key: str = "\n", start_label: int = 0,
                     unknown_token: str | None = None) -> tuple[list[list[int]], Vocabulary]:
    """Each token's number, and the vocabulary, to which new tokens are added.

    A new vocabulary has invalid_key: invalid_label; numbers from start_label on are given in order of appearance,
    invalid_label left out.  With a vocabulary given, new tokens count as `unknown_token`.
    SymcError: a new token, a given vocabulary, and no unknown_token.
    """
    grows = vocab is None
    known: Vocabulary = {invalid_key: invalid_label} if vocab is None else vocab
    following = start_label

    def number(token: str) -> int:
        nonlocal following
        if token not in known:
            if not grows and not unknown_token:
                raise SymcError(f"token {token!r} is not in the vocabulary", "give unknown_token='<unk>'")
            following += following == invalid_label
            token = unknown_token or token
            known[token] = following
            following += 1
        return known[token]
    return [[number(token) for token in sentence] for sentence in sentences], known
