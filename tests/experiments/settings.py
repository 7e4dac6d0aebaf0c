"""What is run, of the configs in `sealtrain/recipes/experiments`, and where it is shown."""

from pathlib import Path

BUILDS, RUNS = Path("builds/experiments"), Path("runs/experiments")
BASE = "base-tiny"
SEEDS = (1, 2, 3)
STRATEGIES = ("parallel-only", "multilingual", "mixed", "parallel-first", "parallel-last")
TABLES = {
    "strategies": tuple(f"{name}-tiny" for name in STRATEGIES),
    "replay": (
        "parallel-only-tiny",  # 25 %
        *(f"replay-{percent}-tiny" for percent in ("00", "10", "50", "75")),
    ),
    "loss": ("parallel-only-tiny", "document-mask-tiny", "target-loss-tiny"),
}
"""Settings by the table they stand in; the others of it are held against its first."""
SETTINGS = tuple(dict.fromkeys(name for names in TABLES.values() for name in names))
TRANSLATED = {"parallel-only-tiny": (0, 3), "document-mask-tiny": (0, 3), "target-loss-tiny": (0,)}
"""Examples in the prompt of each evaluation; the others are compared by their losses."""
