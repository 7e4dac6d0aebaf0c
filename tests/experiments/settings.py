"""What is run, of the configs in `sealtrain/recipes/experiments`, and where it is shown."""

from pathlib import Path

BUILDS, RUNS = Path("builds/experiments"), Path("runs/experiments")
BASE = "base-tiny"
SEEDS = (1, 2, 3)
FIRST = "parallel-only-tiny"  # what all others are held against; 25 % replay
STRATEGIES = ("parallel-only", "multilingual", "mixed", "parallel-first", "parallel-last")
TABLES = {
    "strategies": tuple(f"{name}-tiny" for name in STRATEGIES),
    "replay": ("replay-00-tiny", "replay-10-tiny", FIRST, "replay-50-tiny", "replay-75-tiny"),
    "loss": (FIRST, "document-mask-tiny", "target-loss-tiny"),
}
"""Settings by the table they stand in."""
SETTINGS = tuple(dict.fromkeys(name for names in TABLES.values() for name in names))
TRANSLATED = {"parallel-only-tiny": (0, 3), "document-mask-tiny": (0, 3), "target-loss-tiny": (0,)}
"""Examples in the prompt of each evaluation; the others are compared by their losses."""
