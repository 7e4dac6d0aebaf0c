"""The training config: what a TOML file may hold, with types, limits and defaults."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, model_validator

from sealtrain.config_file import Resolved, resolve
from sealtrain.errors import ConfigError, first_fault
from sealtrain.records import Saved

Strategy = Literal["parallel-only", "multilingual", "mixed", "parallel-first", "parallel-last"]
Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0.0)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]

# Keys that a resumed run may change: the first change rounding only, the second only decide
# whether a run starts or stops.
ROUNDING_KEYS = {
    "train.micro_batch_sequences",
    "train.loss_chunk_tokens",
    "train.activation_checkpointing",
    "train.replicas",
}
LIMIT_KEYS = {"mixture.max_epochs", "train.max_skipped_steps", "model.other_tokenizer"}


NewRows = Literal["mean", "mean-of-all", "random"]


class Section(Saved):
    """A table of the config: unknown keys are errors, and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Mixture(Section):
    """Which streams are read, in what shares, and how many tokens in all."""

    strategy: Strategy  # which text is read in which phase
    replay: float = Field(0.25, ge=0.0, lt=1.0)  # of all tokens, in every phase
    total_tokens: Count | None = None  # the budget with replay; or
    parallel_tokens: Count | None = None  # the budget of parallel text, the rest is added to it
    parallel_share: Share | None = None  # of all but replay; by default the sizes of streams decide
    weights: dict[str, Positive] = {}  # factors on the sizes of streams, by `kind/name`
    max_epochs: Positive | None = None  # no run starts that reads a stream more often

    @model_validator(mode="after")
    def _one_budget(self) -> "Mixture":
        if (self.total_tokens is None) == (self.parallel_tokens is None):
            raise ValueError("give one of total_tokens (replay included) or parallel_tokens")
        if self.strategy == "multilingual" and self.parallel_tokens is not None:
            raise ValueError("multilingual reads no parallel text: use total_tokens")
        if self.strategy in ("parallel-only", "multilingual") and self.parallel_share is not None:
            raise ValueError(f"{self.strategy} has no parallel_share")
        return self


class Model(Section):
    """Weights to start from, or the shape of an OLMo 2 with random weights."""

    init_from: str | None = None  # a folder, or a Hub name in the local cache; then no shape
    # the base shall learn another tokenizer than its own; else they are compared
    other_tokenizer: bool = False
    # rows for pieces of the shards' tokenizer that the base lacks, made of those of its own pieces
    # (`mean`), of all rows (`mean-of-all`), or at random; absent: such shards are refused
    new_rows: NewRows | None = None
    hidden_size: Count | None = None  # width of the residual stream
    intermediate_size: Count | None = None  # width of the feed-forward layers
    num_layers: Count | None = None  # transformer layers
    num_heads: Count | None = None  # attention heads; hidden_size is an even multiple of it
    vocab_multiple: Count = 128  # the tokenizer's vocabulary is rounded up to a multiple of it
    rope_theta: Positive = 500_000.0  # base of the rotary position embedding
    rms_norm_eps: Positive = 1e-6  # added to the mean square in every norm
    tie_embeddings: bool = False  # input and output embeddings are one matrix
    init_std: Positive = 0.02  # standard deviation of the random weights

    @model_validator(mode="after")
    def _weights_or_shape(self) -> "Model":
        shape = {"hidden_size", "intermediate_size", "num_layers", "num_heads"}
        if self.init_from is None and any(getattr(self, key) is None for key in shape):
            raise ValueError(f"give init_from, or all of {', '.join(sorted(shape))}")
        of_base = {"init_from", "other_tokenizer", "new_rows"}
        if self.init_from is not None and self.model_dump(exclude_defaults=True).keys() - of_base:
            raise ValueError("init_from brings its own shape: remove the other keys")
        # Rotary embeddings turn the dimensions of a head in pairs.
        if self.hidden_size and self.num_heads and self.hidden_size % (2 * self.num_heads):
            raise ValueError("hidden_size must be an even multiple of num_heads")
        return self


class Train(Section):
    """What one step computes."""

    batch_sequences: Count  # in one step, over all ranks
    micro_batch_sequences: Count  # in one forward pass of one rank
    document_mask: bool = True  # attention stays inside each document
    loss_on: Literal["all", "target"] = "all"  # target: no loss on the prompt of a pair
    z_loss: float = Field(1e-5, ge=0.0)  # weight of the squared log-normaliser, as in OLMo 2
    loss_chunk_tokens: Count = 2048  # tokens whose logits exist at one time
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # auto: bfloat16 on a GPU
    activation_checkpointing: bool = False  # recompute activations: less memory, more time
    compile: Literal["auto", "off"] = "auto"  # auto: on a GPU, if a C++ compiler is installed
    max_skipped_steps: int = Field(0, ge=0)  # non-finite or spiking steps before the run stops
    spike_sigmas: Positive | None = None  # deviations above the mean of 128 steps: a spike
    replicas: Count = 1  # copies of the model, each sharded over its part of the ranks (HSDP)


class Optim(Section):
    """AdamW and its learning rate: warm-up, stable, decay."""

    lr: Positive  # peak learning rate, after the warm-up
    # decay rates of the running means of gradient and squared gradient
    betas: tuple[Share, Share] = (0.9, 0.95)
    eps: Positive = 1e-8  # added to the root of the squared mean
    weight_decay: float = Field(0.1, ge=0.0)  # not on embeddings and norms
    moments: Literal["float32", "bfloat16"] = "float32"  # bfloat16: half the memory of AdamW
    clip_norm: Positive = 1.0  # largest L2 norm of all gradients together
    warmup_steps: int = Field(ge=0)  # steps in which the rate rises from 0 to lr
    decay_steps: int = Field(ge=0)  # last steps, in which the rate falls to 0
    decay: Literal["linear", "1-sqrt"] = "linear"  # shape of the fall


class Checkpoint(Section):
    """When the run is saved, and what is kept."""

    every_steps: Count  # steps between two checkpoints
    keep_last: Count = 2  # newest checkpoints to keep
    keep_every: Count | None = None  # multiples of it stay, as does the one before the decay


class Eval(Section):
    """What is measured before and after training, and by `sealtrain eval`."""

    every_steps: Count | None = None  # validation during training, too
    validation_sequences: Count = 64  # at most, of each validation stream
    refs: str | None = None  # folder of `{FLORES code}.*` files; `package:NAME/PATH` in a package
    max_sentences: Count | None = None  # at most, of each language
    batch_sentences: Count = 64  # sentences translated at one time
    # tokens of a translation, at most; absent: 1,024, or more where sources are long
    max_new_tokens: Count | None = None


class Config(Section):
    """One training run."""

    seed: int = Field(ge=0, lt=2**63)  # of the order of the data, and of random weights
    shards: Path  # holds tokenizer/, train/ and validation/
    # token files and tokenizers outside of the shards' folder may be read
    allow_outside: bool = False
    out: Path  # folder of the run
    # steps between two lines on the screen and two measurements of speed
    log_every_steps: Count = 10
    log_to: Literal["tensorboard", "wandb"] | None = None  # in addition to log.jsonl
    mixture: Mixture  # what is read
    model: Model  # what is trained
    train: Train  # what one step does
    optim: Optim  # how weights move
    checkpoint: Checkpoint  # when the run is saved
    eval: Eval = Eval()  # what is measured

    def identity(self) -> dict[str, Any]:
        """Everything that decides which model comes out, by dotted key.

        Paths, saving, logging, evaluation, LIMIT_KEYS and ROUNDING_KEYS do not.
        """
        sections = self.model_dump(mode="json", include={"mixture", "model", "train", "optim"})
        values = {f"{name}.{key}": v for name, s in sections.items() for key, v in s.items()}
        excluded = ROUNDING_KEYS | LIMIT_KEYS
        return {"seed": self.seed} | {k: v for k, v in values.items() if k not in excluded}


def load(name_or_path: str) -> Config:
    """Read and check a config file, or a built-in config by its name.

    Raises:
        ConfigError: see `resolve` and `check`.
    """
    return check(resolve(name_or_path))


def check(resolved: Resolved) -> Config:
    """The config of a resolved file.

    Raises:
        ConfigError: a key is unknown or missing, or a value is wrong. The message names the file
            that sets the value, which may be one that the config extends.
    """
    try:
        return Config.model_validate(resolved.table)
    except ValidationError as error:
        key, fault = first_fault(error, Config)
        raise ConfigError(f"{resolved.origin(key)}: {'.'.join(key)}: {fault}") from error
