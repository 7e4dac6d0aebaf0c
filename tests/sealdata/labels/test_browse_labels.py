"""Labels outlive the program, however it ends."""

import signal
import subprocess
import sys

import polars as pl

from sealdata.files.frames import write_frame
from sealdata.labels.browse_labels import Labels, text_digest

WRITER = """
import sys
from pathlib import Path
from sealdata.labels.browse_labels import Labels
labels = Labels(Path(sys.argv[1]))
for row in range(100_000):
    labels.add("web", row, "tha_Thai", "bad", "0" * 16)
    print(row, flush=True)
"""


def test_every_label_that_was_confirmed_survives_a_kill(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if line == "20\n":
                writer.send_signal(signal.SIGKILL)
                break
        confirmed = 20 + len(writer.stdout.readlines())
    assert set(Labels(tmp_path).rows("bad")["web"]) >= set(range(confirmed + 1))


def test_a_torn_line_is_counted_and_harms_no_other(tmp_path):
    labels = Labels(tmp_path)
    labels.add("web", 1, "tha_Thai", "good", "a")
    with labels.path.open("ab") as handle:
        handle.write(b'{"source": "web", "row": 2, "la')
    again = Labels(tmp_path)
    assert again.num_torn == 1
    again.add("web", 3, "tha_Thai", "misaligned", "c")
    again.add("web", 1, "tha_Thai", "wrong_language", "a")
    again.add("web", 3, "tha_Thai", None, "c")
    last = Labels(tmp_path)
    assert last.num_torn == 1
    assert last.counts() == {"good": 0, "bad": 0, "wrong_language": 1, "misaligned": 0}
    assert last.rows("any") == {"web": [1]}
    assert len(last.path.read_text().splitlines()) == 5


def test_digests_tell_texts_apart():
    digests = {text_digest(*pair) for pair in [("a", "b"), ("ab", ""), ("", "ab"), (None, "ab")]}
    assert len(digests) == 3


def test_pairs_drawn_for_annotation_can_be_chosen(tmp_path):
    assert Labels(tmp_path).rows("drawn") == {}
    key = tmp_path / "audit" / "annotation-key.parquet"
    write_frame(pl.DataFrame({"source": ["web", "web", "news"], "row": [4, 9, 4]}), key)
    labels = Labels(tmp_path, "ann")
    labels.add("web", 9, "tha_Thai", "good", "a")
    labels.add("web", 5, "tha_Thai", "good", "a")
    assert labels.rows("drawn") == {"web": [4, 9], "news": [4]}
    assert labels.rows("to_label") == {"web": [4], "news": [4]}
    assert Labels(tmp_path, "ben").rows("to_label") == labels.rows("drawn")
