"""The machine code on disk belongs to the sources as they are, helpers included."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import sealdata.kernels


def run_copy(root: Path, code: str) -> str:
    """What ``code`` prints, run against the copy of the package in ``root``."""
    environment = os.environ | {
        "PYTHONPATH": str(root),
        "NUMBA_CACHE_DIR": str(root / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",  # Python tells two files of one second and size not apart
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_changed_helper_is_compiled_anew(tmp_path):
    """numba itself looks at the file of the kernel alone, not at those that it calls."""
    package = tmp_path / "sealdata"
    package.mkdir()
    (package / "__init__.py").write_text('__version__ = "0"\n')
    shutil.copytree(
        Path(sealdata.kernels.__file__).parent,
        package / "kernels",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    helper = package / "kernels" / "helper.py"
    (package / "kernels" / "caller.py").write_text(
        "from sealdata.kernels import compiled\n"
        "from sealdata.kernels.helper import answer\n\n\n"
        "@compiled\n"
        "def doubled():\n"
        "    return 2 * answer()\n"
    )
    source = "from sealdata.kernels import compiled\n\n\n@compiled\ndef answer():\n    return {}\n"
    code = "from sealdata.kernels.caller import doubled; print(doubled())"
    helper.write_text(source.format(21))
    assert run_copy(tmp_path, code) == "42"
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert list((tmp_path / "cache").rglob("*.nbc")), "the machine code is kept on disk"
    helper.write_text(source.format(50))
    assert run_copy(tmp_path, code) == "100"
    assert len(list((tmp_path / "cache").iterdir())) == 2
    helper.write_text(source.format(21))
    assert run_copy(tmp_path, code) == "42"
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_the_package_knows_whether_machine_code_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    sealdata.kernels.cache_folder.cache_clear()
    try:
        assert not sealdata.kernels.is_compiled()
        folder = sealdata.kernels.cache_folder()
        (folder / "kernels_1").mkdir()
        assert not sealdata.kernels.is_compiled()
        (folder / "kernels_1" / "a.nbi").touch()
        assert sealdata.kernels.is_compiled()
    finally:
        sealdata.kernels.cache_folder.cache_clear()
