"""Benchmarks other than translation, by EleutherAI's lm-evaluation-harness."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from sealtrain.errors import ConfigError, DataError
from sealtrain.export import export

from .tables import table

# Tasks of lm-eval 0.4.13 in the languages of the recipes; the English ones show what was lost.
REGION = """
    xcopa_id xcopa_ta xcopa_th xcopa_vi xcopa_zh xnli_en xnli_th xnli_vi xnli_zh paws_en paws_zh
    xstorycloze_en xstorycloze_id xstorycloze_my xstorycloze_zh copal_id_standard
    belebele_eng_Latn belebele_ind_Latn belebele_jav_Latn belebele_khm_Khmr belebele_lao_Laoo
    belebele_mya_Mymr belebele_sun_Latn belebele_tam_Taml belebele_tgl_Latn belebele_tha_Thai
    belebele_vie_Latn belebele_zho_Hans belebele_zsm_Latn arc_easy hellaswag piqa winogrande
"""


def bench(path: Path, tasks: Sequence[str], shots: int | None, limit: int | None) -> dict[str, Any]:
    """The results of lm-eval for a run, a checkpoint or an exported folder.

    With `shots` None each task has its own number of examples; `limit` is in questions per task.

    Raises:
        ConfigError: lm-eval is not installed, or has no such task.
        DataError: a task's data are not in the cache and cannot be downloaded.
    """
    try:
        from lm_eval import simple_evaluate
        from lm_eval.tasks import TaskManager
    except ImportError:
        raise ConfigError('benchmarks need lm-eval: pip install "sealdata[lm-eval]"') from None
    for name in sorted(set(tasks) - set(TaskManager().all_tasks)):
        raise ConfigError(f"lm-eval has no task {name!r}; `lm-eval ls tasks` lists them")
    with TemporaryDirectory() as temporary:
        is_exported = (path / "config.json").is_file()
        model = path if is_exported else export(path, Path(temporary) / "model")
        args = {"pretrained": str(model), "device": "cuda" if torch.cuda.is_available() else "cpu"}
        try:
            return simple_evaluate("hf", args, list(tasks), num_fewshot=shots, limit=limit)  # type: ignore[no-any-return]
        except OSError as error:  # a failed download is one too
            raise DataError(f"the data of a benchmark cannot be read: {error}") from error


def score_table(results: dict[str, Any]) -> str:
    """A row per task and metric of lm-eval's results.

    lm-eval names a score `METRIC,FILTER` and its error `METRIC_stderr,FILTER`; names without a
    comma hold no numbers. A dash means that lm-eval computes no error.
    """
    rows = []
    for task, numbers in results["results"].items():
        metrics = [key.split(",") for key in numbers if "," in key and "_stderr," not in key]
        for metric, filter_name in metrics:
            error = numbers.get(f"{metric}_stderr,{filter_name}")
            name = metric if filter_name == "none" else f"{metric} ({filter_name})"
            spread = f"{error:.4f}" if isinstance(error, float) else "-"
            rows.append([task, name, f"{numbers[f'{metric},{filter_name}']:.4f}", spread])
    return table(["task", "metric", "score", "standard error"], rows)
