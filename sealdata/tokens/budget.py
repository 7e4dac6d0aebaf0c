"""Budget: what a number of tokens buys of each language, and the weights that make it so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sealdata.build_manifest import BuildManifest, StreamFacts
from sealdata.errors import ConfigError, SealError

# What the temperature makes equal. A pair of Burmese takes several times the tokens of a pair of
# Indonesian, so equal tokens are not equal content.
Unit = Literal["tokens", "pairs", "english-tokens"]


@dataclass(frozen=True)
class Share:
    """What one language gets of the budget."""

    lang: str  # FLORES-200, the side that is not English
    available: int  # tokens of its training streams, read once
    num_tokens: int  # what it gets
    num_pairs: int  # distinct pairs that it has
    pairs_read: int  # with repetition; a pair read once in each direction of the build counts once
    epochs: float  # times its streams are read
    capped: bool  # its limit decided, not the temperature


@dataclass(frozen=True)
class Budget:
    """The plan: shares in the order of the build, and a weight per stream for sealtrain."""

    total_tokens: int  # of parallel text, replay not included
    temperature: float  # 1 keeps the proportions of the build; more favours small languages
    shares: tuple[Share, ...]  # one per language of the build
    weights: dict[str, float]  # ``parallel/eng_Latn-tha_Thai`` -> factor on its size, 1 at most

    def config(self) -> str:
        """The lines to paste into a training config."""
        lines = ["[mixture]", f"parallel_tokens = {self.total_tokens}", "", "[mixture.weights]"]
        # Six significant digits change a weight by 5 millionths of its value at most.
        lines += [f'"{key}" = {weight:.6g}' for key, weight in self.weights.items()]
        return "\n".join(lines)


def plan_budget(
    manifest: BuildManifest,
    total_tokens: int,
    temperature: float = 1.0,
    max_epochs: float | None = None,
    caps: Mapping[str, int] | None = None,
    by: Unit = "tokens",
) -> Budget:
    """Divide ``total_tokens`` of parallel text among the languages of a build.

    A language's share of ``by`` is proportional to what it has of it, to the power of
    1 / ``temperature``: 1 keeps the proportions, more favours small languages (Conneau et al.
    2020). English tokens are those of the English sides, by the parity that the build measured.
    No language gets more than ``max_epochs`` times its tokens, nor more than its entry in
    ``caps``. What a limit leaves is divided among the others in proportion.

    Raises:
        ConfigError: a cap on a language that the build does not have, or ``by`` English tokens in a
            build without a parity for each language.
        SealError: no parallel stream, or the limits do not leave room for the budget.
    """
    streams = _streams(manifest)
    # Both directions of a language together: they share its limit.
    available = {lang: sum(s.num_tokens for s in streams[lang]) for lang in streams}
    # A cap on a misspelt language would limit nothing.
    for lang in caps or {}:
        if lang not in available:
            raise ConfigError(f"a cap on {lang}, but the build has {', '.join(available)}")
    # The lower one of both limits, in tokens; infinity where there is none.
    limits = {
        lang: min(
            float("inf") if max_epochs is None else max_epochs * tokens,
            float((caps or {}).get(lang, float("inf"))),
        )
        for lang, tokens in available.items()
    }
    # Pairs of the training split, from the funnel of the build.
    train = {
        lang: sum(row.train for row in manifest.funnel if row.lang == lang) for lang in available
    }
    content = _content(manifest, by, available, train)
    # At temperature 3.3, a language of 1,000 times the content gets 8 times the share of it. Each
    # unit of content costs a language its own number of tokens.
    costs = {lang: available[lang] / content[lang] for lang in available}
    weights = {lang: content[lang] ** (1 / temperature) * costs[lang] for lang in available}
    tokens_of = divide(total_tokens, weights, limits)
    epochs = {lang: tokens_of[lang] / available[lang] for lang in available}
    shares = tuple(
        Share(
            lang=lang,
            available=available[lang],
            num_tokens=round(tokens_of[lang]),
            num_pairs=train[lang],
            pairs_read=round(epochs[lang] * train[lang]),
            epochs=epochs[lang],
            # Relative, because the amount may differ from its limit by rounding of floats.
            capped=tokens_of[lang] >= limits[lang] * (1 - 1e-12),
        )
        for lang in available
    )
    # sealtrain multiplies sizes by weights and divides by their sum, so only ratios count. Weights
    # of at most 1 read as "this share of the most-read language".
    max_epoch = max(epochs.values())
    stream_weights = {
        f"{stream.kind}/{stream.name}": epochs[lang] / max_epoch
        for lang, lang_streams in streams.items()
        for stream in lang_streams
    }
    return Budget(total_tokens, temperature, shares, stream_weights)


def _content(
    manifest: BuildManifest, by: Unit, tokens: Mapping[str, int], pairs: Mapping[str, int]
) -> dict[str, float]:
    """What each language has, in the unit ``by``."""
    if by == "tokens":
        return {lang: float(count) for lang, count in tokens.items()}
    if by == "pairs":
        return {lang: float(pairs[lang]) for lang in tokens}
    # The tokenizer of the shards is measured first; further ones are for comparison.
    first = next((row.tokenizer for row in manifest.fertility), "")
    parity = {row.lang: row.parity for row in manifest.fertility if row.tokenizer == first}
    if missing := [lang for lang in tokens if not parity.get(lang)]:
        raise ConfigError(
            f"the build {manifest.name!r} has no parity of {', '.join(missing)}: divide by pairs"
        )
    # Both sides of a pair are parity + 1 times its English side; templates are left out.
    return {lang: count / (parity[lang] + 1) for lang, count in tokens.items()}


def divide(
    total: float, weights: Mapping[str, float], limits: Mapping[str, float]
) -> dict[str, float]:
    """``total`` in proportion to ``weights``, none above its limit; the sum is ``total``.

    Raises:
        SealError: the limits sum to less than ``total``.
    """
    # Checked first: below, all names could be at their limits with tokens left over.
    room = sum(limits.values())
    if room < total:
        raise SealError(
            f"the limits leave room for {room:,.0f} tokens, not for {total:,.0f}: raise them, or "
            "lower the budget"
        )
    amounts: dict[str, float] = {}
    # Water-filling: each round fixes all names above their limits and divides the rest again, so
    # there are at most as many rounds as names.
    free, left = dict(weights), float(total)
    while free:
        scale = left / sum(free.values())
        # Names at a limit keep it in later rounds: the scale only rises as others are fixed.
        full = [name for name, weight in free.items() if weight * scale > limits[name]]
        if not full:
            return {name: amounts.get(name, weights[name] * scale) for name in weights}
        for name in full:
            amounts[name] = limits[name]
            left -= limits[name]
            del free[name]
    return {name: amounts[name] for name in weights}


def _streams(manifest: BuildManifest) -> dict[str, Sequence[StreamFacts]]:
    """Parallel training streams by the language that is not English."""
    streams: dict[str, list[StreamFacts]] = {}
    for stream in manifest.streams:
        if stream.split == "train" and stream.kind == "parallel":
            # A pair has two languages; the stream belongs to the one that is not English.
            lang = next(code for code in stream.languages if code != "eng_Latn")
            streams.setdefault(lang, []).append(stream)
    if not streams:
        raise SealError(f"the build {manifest.name!r} has no parallel training stream")
    return dict(streams)
