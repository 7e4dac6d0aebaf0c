"""The training config: one TOML file, read into typed and checked values."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sealtrain.errors import ConfigError, first_fault

Strategy = Literal["parallel-only", "multilingual", "mixed", "parallel-first", "parallel-last"]
Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0.0)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]
RECIPES = Path(__file__).parent / "recipes"
ROUNDING = {"micro_batch_sequences", "loss_chunk_tokens", "activation_checkpointing", "replicas"}
LIMITS = {"max_epochs", "max_skipped_steps"}  # a run stops there or is not begun


class Section(BaseModel):
    """A table of the config: unknown keys are errors, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Mixture(Section):
    """Which streams are read, in what shares, and how many tokens in all."""

    strategy: Strategy
    replay: float = Field(0.25, ge=0.0, lt=1.0)  # of all tokens, in every phase
    total_tokens: Count | None = None  # the budget, replay included; or
    parallel_tokens: Count | None = None  # parallel text alone, and the rest comes on top
    parallel_share: Share | None = None  # of what is not replay; absent, sizes decide
    weights: dict[str, Positive] = {}  # factor on a stream's size, by `kind/name`
    max_epochs: Positive | None = None  # a run that reads a stream more often is refused

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
    """Weights to start from, or the shape of a random OLMo 2."""

    init_from: str | None = None  # folder, or Hub name in the cache; no shape then
    hidden_size: Count | None = None
    intermediate_size: Count | None = None
    num_layers: Count | None = None
    num_heads: Count | None = None
    vocab_multiple: Count = 128  # the tokenizer's vocabulary is rounded up to it
    rope_theta: Positive = 500_000.0
    rms_norm_eps: Positive = 1e-6
    tie_embeddings: bool = False
    init_std: Positive = 0.02

    @model_validator(mode="after")
    def _either_weights_or_shape(self) -> "Model":
        shape = {"hidden_size", "intermediate_size", "num_layers", "num_heads"}
        if self.init_from is None and any(getattr(self, key) is None for key in shape):
            raise ValueError(f"give init_from, or all of {', '.join(sorted(shape))}")
        if self.init_from is not None and len(self.model_dump(exclude_defaults=True)) > 1:
            raise ValueError("init_from brings its own shape: drop the other keys")
        if self.hidden_size and self.num_heads and self.hidden_size % (2 * self.num_heads):
            raise ValueError("hidden_size must be an even multiple of num_heads")
        return self


class Train(Section):
    """What one step sees."""

    batch_sequences: Count  # in a step, over all ranks
    micro_batch_sequences: Count  # in one forward pass of one rank
    document_mask: bool = True  # attention stays inside each document
    loss_on: Literal["all", "target"] = "all"  # target: nothing is learnt from a pair's prompt
    z_loss: float = Field(1e-5, ge=0.0)  # on the squared log-normaliser, as OLMo 2 trains
    loss_chunk_tokens: Count = 2048  # tokens whose logits exist at one time
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # of computing: bfloat16 on a GPU
    activation_checkpointing: bool = False  # a layer's activations are computed twice, not kept
    compile: Literal["auto", "off"] = "auto"  # on a GPU, where there is a C compiler
    max_skipped_steps: int = Field(0, ge=0)  # steps whose numbers may break before the run stops
    spike_sigmas: Positive | None = None  # above the mean of 128 steps a loss or norm is broken too
    replicas: Count = 1  # of the model, each spread over its share of the ranks (HSDP)


class Optim(Section):
    """AdamW and the warm-up, stable, decay schedule of its learning rate."""

    lr: Positive
    betas: tuple[Share, Share] = (0.9, 0.95)
    eps: Positive = 1e-8
    weight_decay: float = Field(0.1, ge=0.0)  # not on embeddings and norms
    moments: Literal["float32", "bfloat16"] = "float32"  # bfloat16: half of AdamW's memory
    clip_norm: Positive = 1.0
    warmup_steps: int = Field(ge=0)
    decay_steps: int = Field(ge=0)
    decay: Literal["linear", "1-sqrt"] = "linear"


class Checkpoint(Section):
    """When the run is saved."""

    every_steps: Count
    keep_last: Count = 2
    keep_every: Count | None = None  # of these steps none is deleted, nor the one before the decay


class Eval(Section):
    """What is measured before and after training, and by `sealtrain eval`."""

    every_steps: Count | None = None  # and on the way
    validation_sequences: Count = 64  # at most, of each validation stream
    refs: str | None = None  # aligned `{FLORES code}.*` files; `package:NAME/PATH` in a package
    max_sentences: Count | None = None  # at most, of each language
    batch_sentences: Count = 64
    max_new_tokens: Count = 256


class Config(Section):
    """One training run."""

    seed: int = Field(ge=0, lt=2**63)
    shards: Path  # holds tokenizer/, train/ and validation/
    out: Path
    log_every_steps: Count = 10
    log_to: Literal["tensorboard", "wandb"] | None = None  # beside log.jsonl
    mixture: Mixture
    model: Model
    train: Train
    optim: Optim
    checkpoint: Checkpoint
    eval: Eval = Eval()

    def identity(self) -> dict[str, Any]:
        """Everything that decides which model comes out, by dotted key.

        Paths, saving, logging, evaluation and LIMITS do not; ROUNDING changes that at most.
        """
        sections = self.model_dump(mode="json", include={"mixture", "model", "train", "optim"})
        flat = {f"{name}.{key}": v for name, s in sections.items() for key, v in s.items()}
        free = ROUNDING | LIMITS
        return {"seed": self.seed} | {k: v for k, v in flat.items() if k.split(".")[1] not in free}


def load(name_or_path: str) -> Config:
    """Read a config file, or a built-in config by its name; ConfigError says what is wrong.

    A file may say `extends = "NAME"`, and then only what differs from that config."""
    names = sorted(str(p.relative_to(RECIPES).with_suffix("")) for p in RECIPES.rglob("*.toml"))
    path = RECIPES / f"{name_or_path}.toml" if name_or_path in names else Path(name_or_path)
    if not path.is_file():
        raise ConfigError(
            f"no config file or built-in config {name_or_path!r}; built in: {', '.join(names)}"
        )
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        if "extends" in table:
            table = _over(load(table.pop("extends")).model_dump(exclude_unset=True), table)
        return Config.model_validate(table)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {': '.join(first_fault(error, Config))}") from error


def _over(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `table` in place of its own, table by table."""
    inner = {k: _over(base.get(k, {}), v) for k, v in table.items() if isinstance(v, dict)}
    return base | table | inner
