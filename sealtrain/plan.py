"""The plan of a run before it starts: what is read, how often, how long and at what rate."""

from sealtrain import data, mixture, optim
from sealtrain.config import Config
from sealtrain.report import table


def plan(config: Config) -> str:
    """Streams with their shares and epochs, steps, and the learning rate along the run.

    Raises:
        SealError: whatever would stop the run before its first step.
    """
    streams = data.open_streams(config.shards, "train")
    order = mixture.make_order(config.mixture, config.seed, streams, config.train.batch_sequences)
    num_steps = len(order) // config.train.batch_sequences
    optim.check_schedule(config.optim, num_steps)
    length = streams[0].manifest.sequence_length
    epochs = order.epochs()
    rows = [
        [
            stream.key,
            f"{round(epochs[stream.key] * len(stream)) * length:,}",
            f"{epochs[stream.key] * len(stream) / len(order):.1%}",
            f"{len(stream) * length:,}",
            f"{epochs[stream.key]:.2f}",
        ]
        for stream in streams
        if stream.key in epochs
    ]
    points = sorted({0, config.optim.warmup_steps, num_steps // 2, num_steps - 1})
    rates = [
        [f"{step + 1}", f"{optim.learning_rate(config.optim, step, num_steps):.3e}"]
        for step in points
        if step < num_steps
    ]
    return "\n\n".join(
        [
            table(["stream", "tokens read", "share", "tokens there", "epochs"], rows),
            f"{num_steps:,} steps of {config.train.batch_sequences} x {length} tokens: "
            f"{len(order) * length:,} tokens",
            table(["step", "learning rate"], rates),
        ]
    )
