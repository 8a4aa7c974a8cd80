"""`vivavoce` in this process, which saves seconds of imports each time. tests/app/cli/test_cli.py starts real ones."""

import io
import json
import os
import sys
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

from vivavoce.app import console
from vivavoce.app.cli.main import main

WIDE = 400  # so that no path is divided


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str

    @property
    def json(self):
        assert self.returncode == 0, self.stderr
        return json.loads(self.stdout)

    @property
    def text(self):
        """What people are told, whatever the width of their terminal."""
        assert self.returncode == 0, self.stderr
        return " ".join(self.stdout.split())


def run_here(*arguments, folder, stdin=b"", **environment):
    """What a command does in a folder, in an environment with these variables."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with ExitStack() as around:
        for context in (
            patch.object(sys, "argv", ["vivavoce", *map(str, arguments)]),
            patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
            patch.dict(os.environ, environment),
            patch.object(console.out, "_width", WIDE),
            chdir(folder),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            around.enter_context(context)
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Done(code, out.getvalue(), err.getvalue())
